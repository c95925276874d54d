/** @file The shop page: a client of the API like any other, rendered on the server, with small scripts. */
import { Hono } from 'hono'
import type { Item } from '../../shared/schema/item.ts'
import type { SearchReply } from '../../shared/schema/replies.ts'
import type { AppEnv } from '../http/app.ts'
import { ClosedPage, HomePage, ItemPage, MissingPage, type Shopper } from './layout.tsx'
import script from './page.client.js'
import style from './page.css'

const RESULTS_MAX = 24
const ASSET_SECONDS = 300

export type PageDeps = {
  /** Public key that the browser uses; null closes the page. */
  pageKey: string | null
  shoppers: readonly Shopper[]
  /** The API in this process, under the page's key. */
  search(query: string, limit: number): Promise<SearchReply | null>
  item(itemId: string): Promise<Item | null>
}

/** @param depsOf builds the page's ports from the request's environment */
export const pageRoutes = (depsOf: (env: AppEnv['Bindings'], ctx: ExecutionContext) => PageDeps) =>
  new Hono<AppEnv>()
    .use(async (c, next) => {
      await next()
      c.header(
        'content-security-policy',
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: https:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
      )
    })
    .get('/page.js', (c) =>
      c.body(script, 200, {
        'content-type': 'text/javascript; charset=utf-8',
        'cache-control': `max-age=${ASSET_SECONDS}`,
      }),
    )
    .get('/page.css', (c) =>
      c.body(style, 200, {
        'content-type': 'text/css; charset=utf-8',
        'cache-control': `max-age=${ASSET_SECONDS}`,
      }),
    )
    .get('/', async (c) => {
      const deps = depsOf(c.env, c.executionCtx as ExecutionContext)
      if (deps.pageKey === null) return c.html(<ClosedPage />)
      const query = (c.req.query('q') ?? '').trim().slice(0, 500)
      const reply = query ? await deps.search(query, RESULTS_MAX) : null
      return c.html(<HomePage pageKey={deps.pageKey} shoppers={deps.shoppers} query={query} reply={reply} />)
    })
    .get('/p/:id{.+}', async (c) => {
      const deps = depsOf(c.env, c.executionCtx as ExecutionContext)
      if (deps.pageKey === null) return c.html(<ClosedPage />)
      const frame = { pageKey: deps.pageKey, shoppers: deps.shoppers }
      const item = await deps.item(c.req.param('id'))
      return item ? c.html(<ItemPage {...frame} item={item} />) : c.html(<MissingPage {...frame} />, 404)
    })
