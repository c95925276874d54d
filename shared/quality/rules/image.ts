/** @file Image addresses that cannot be a photograph of the item. Nothing is fetched: a rule sees the address only. */
import type { ItemRule } from '../item-rule.ts'
import { findingOf, type RuleText } from '../rules.ts'

const BROKEN: RuleText = {
  name: 'broken-image',
  severity: 'warn',
  message: 'The image address leads to no image that a shopper could see.',
}
const PLACEHOLDER: RuleText = {
  name: 'placeholder-image',
  severity: 'warn',
  message: 'The image is a placeholder, not a photograph of the item.',
}

/** Names that shop systems give to the picture that stands for none. */
const PLACEHOLDER_NAME =
  /(?:^|[-_./])(?:no[-_]?(?:image|img|photo|picture|pic)|(?:image|img|photo)[-_]?(?:not[-_]?(?:available|found)|missing|soon)|placeholder|default[-_]?(?:image|img|product)|coming[-_]?soon|dummy|blank)(?:$|[-_./\d])/i
const NO_IMAGE_FILE = /\.(?:html?|pdf|txt|xml|json|css|js|mp4|mov|zip|docx?)$/i
/** Hosts that only the machine which wrote the feed can reach, and those kept for examples (RFC 6761, RFC 1918). */
const PRIVATE_HOST =
  /^(?:localhost|127\.|10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|\[::1\]|(?:[\w-]+\.)*example\.(?:com|org|net)$|.*\.(?:local|localhost|test|invalid|internal)$)/i

export const imageRule: ItemRule = {
  name: 'image',
  judge({ image }) {
    if (image === '') return []
    const [, host = '', path = image] = /^(?:https?:)?\/\/([^/?#]*)([^?#]*)/i.exec(image) ?? []
    const bareHost = host.replace(/:\d+$/, '')
    if (host !== '' && (PRIVATE_HOST.test(bareHost) || !/[.:]/.test(bareHost)))
      return [findingOf(BROKEN, 'image', image)]
    if (NO_IMAGE_FILE.test(path)) return [findingOf(BROKEN, 'image', image)]
    // Of the path only: a shop may be called "Dummy".
    return PLACEHOLDER_NAME.test(path.split('/').at(-1)!) ? [findingOf(PLACEHOLDER, 'image', image)] : []
  },
}
