/** @file The frame and the two pages, server-rendered. */
import { raw } from 'hono/html'
import type { FC, PropsWithChildren } from 'hono/jsx'
import type { Item } from '../../shared/schema/item.ts'
import type { Hit, SearchReply } from '../../shared/schema/replies.ts'

export type Shopper = { id: string; name: string; taste: string }
type Frame = { title: string; pageKey: string; shoppers: readonly Shopper[]; query?: string; itemId?: string }

/** Without it browsers fall back to the layout rules of the nineties. */
const DOCTYPE = raw('<!DOCTYPE html>')

/** JSON that cannot end its script element. */
const inert = (value: unknown) => raw(JSON.stringify(value).replaceAll('<', '\\u003c'))

const Layout: FC<PropsWithChildren<Frame>> = ({ title, pageKey, shoppers, query = '', itemId, children }) => (
  <>
    {DOCTYPE}
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>{title}</title>
        <link rel="icon" href="data:," />
        <link rel="stylesheet" href="/page.css" />
      </head>
      <body>
        <header>
          <a class="name" href="/">
            Aisle
          </a>
          <search>
            <form action="/">
              <input
                id="q"
                name="q"
                type="search"
                value={query}
                maxlength={500}
                placeholder="Search, e.g. bluetooth speaker"
                aria-label="Search the shop"
                autocomplete="off"
                autofocus={itemId === undefined}
              />
            </form>
          </search>
          <label class="shopper">
            Shopping as
            <select id="shopper">
              <option value="">a new visitor</option>
              {shoppers.map((shopper) => (
                <option value={shopper.id}>
                  {shopper.name} ({shopper.taste})
                </option>
              ))}
            </select>
          </label>
        </header>
        <main>{children}</main>
        <script id="boot" type="application/json">
          {inert({ key: pageKey, item: itemId ?? null })}
        </script>
        <script type="module" src="/page.js"></script>
      </body>
    </html>
  </>
)

const Card: FC<{ hit: Hit; requestId: string }> = ({ hit, requestId }) => (
  <li>
    <a href={`/p/${encodeURIComponent(hit.id)}`} data-item-id={hit.id} data-request-id={requestId}>
      {hit.title}
    </a>
    <span class="meta">{[hit.brand, hit.category.at(-1)].filter(Boolean).join(' · ')}</span>
    <span class="price">{formatPrice(hit)}</span>
    <span class="why">{hit.reasons[0]}</span>
  </li>
)

const Results: FC<{ reply: SearchReply | null; query: string }> = ({ reply, query }) => (
  <section aria-label="Search results">
    <p id="note" class="note" aria-live="polite">
      {reply ? `${reply.total} items for “${query}”` : ''}
    </p>
    <ul id="results" class="grid">
      {reply?.hits.map((hit) => (
        <Card hit={hit} requestId={reply.requestId} />
      ))}
    </ul>
  </section>
)

const ForYou: FC = () => (
  <section aria-label="For you">
    <h2>For you</h2>
    <p id="for-you-note" class="note" aria-live="polite"></p>
    <ul id="for-you" class="grid"></ul>
  </section>
)

export const HomePage: FC<Omit<Frame, 'title'> & { reply: SearchReply | null }> = ({ reply, ...frame }) => (
  <Layout {...frame} title={frame.query ? `${frame.query} – Aisle` : 'Aisle'}>
    <Results reply={reply} query={frame.query ?? ''} />
    <ForYou />
  </Layout>
)

export const ItemPage: FC<Omit<Frame, 'title'> & { item: Item }> = ({ item, ...frame }) => (
  <Layout {...frame} title={`${item.title} – Aisle`} itemId={item.id}>
    <Results reply={null} query="" />
    <article>
      <p class="meta">{item.category.join(' › ')}</p>
      <h1>{item.title}</h1>
      <p class="price">{formatPrice({ ...item, inStock: item.stock !== 0 })}</p>
      <p>{item.description}</p>
      <dl>
        {item.brand && (
          <>
            <dt>brand</dt>
            <dd>{item.brand}</dd>
          </>
        )}
        {Object.entries(item.attributes).map(([name, value]) => (
          <>
            <dt>{name}</dt>
            <dd>{Array.isArray(value) ? value.join(', ') : String(value)}</dd>
          </>
        ))}
      </dl>
      <button type="button" data-event="add-to-cart" data-done="In the cart.">
        Add to cart
      </button>
      <button type="button" data-event="purchase" data-done="Bought: it will not be recommended again.">
        Buy now
      </button>
      <p id="done" class="note" aria-live="polite"></p>
    </article>
    <section aria-label="Similar items">
      <h2>Similar items</h2>
      <p id="similar-note" class="note"></p>
      <ul id="similar" class="grid"></ul>
    </section>
    <ForYou />
  </Layout>
)

export const MissingPage: FC<Omit<Frame, 'title'>> = (frame) => (
  <Layout {...frame} title="Not found – Aisle">
    <Results reply={null} query="" />
    <h1>This item is not in the shop.</h1>
    <ForYou />
  </Layout>
)

export const ClosedPage: FC = () => (
  <>
    {DOCTYPE}
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <title>Aisle</title>
        <link rel="stylesheet" href="/page.css" />
      </head>
      <body>
        <main>
          <h1>Aisle</h1>
          <p>
            This deployment shows no shop page: set the variable <code>PAGE_KEY</code> to a public API key to
            get one. The API is described at <a href="/docs">/docs</a>.
          </p>
        </main>
      </body>
    </html>
  </>
)

const formatPrice = ({ price, currency, inStock }: Pick<Hit, 'price' | 'currency' | 'inStock'>): string =>
  price === null ? '' : `${price.toFixed(2)} ${currency ?? ''}${inStock ? '' : ' · sold out'}`
