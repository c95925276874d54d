/** @file The page in a real headless Chromium, against a real stack with a small shop in it. */
import chromium from '@sparticuz/chromium'
import { type Browser, chromium as driver, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openShop, type Shop } from '../integration/shop.ts'

let shop: Shop
let browser: Browser
let page: Page
const errors: string[] = []

beforeAll(async () => {
  shop = await openShop({ items: 300 })
  browser = await driver.launch({
    executablePath: await chromium.executablePath(),
    args: ['--no-sandbox', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  })
  page = await browser.newPage({ viewport: { width: 1280, height: 900 } })
  page.on('pageerror', (error) => errors.push(String(error)))
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text())
  })
}, 120_000)
afterAll(async () => {
  await browser?.close()
  await shop?.close()
})

const idsIn = (selector: string) =>
  page.locator(`${selector} a`).evaluateAll((links) => links.map((link) => link.getAttribute('data-item-id')))

describe('the page', () => {
  it('shows results while one types, each with its reason', async () => {
    await page.goto(shop.url)
    const word = shop.items[0]!.title.split(' ').at(-1)!
    await page.getByRole('searchbox').pressSequentially(word)
    await page.locator('#results li').first().waitFor()
    expect(await page.locator('#note').textContent()).toContain(word)
    expect(await page.locator('#results li .why').first().textContent()).toContain('matches')
  })

  it('walks through the results with the arrow keys and opens one with Enter', async () => {
    await page.keyboard.press('ArrowDown')
    const focused = await page.evaluate(() => document.activeElement?.getAttribute('data-item-id'))
    expect((await idsIn('#results'))[0]).toBe(focused)
    await page.keyboard.press('Enter')
    await page.waitForURL(/\/p\//)
    expect(await page.locator('article h1').textContent()).toBe(
      shop.items.find((item) => item.id === focused)!.title,
    )
  })

  it('shows similar items on the item page, and not the item itself', async () => {
    await page.locator('#similar li').first().waitFor()
    const own = decodeURIComponent(new URL(page.url()).pathname.slice(3))
    expect(await idsIn('#similar')).not.toContain(own)
  })

  it('changes "for you" after clicks, for the chosen shopper', async () => {
    await page.goto(shop.url)
    await page.getByLabel('Shopping as').selectOption('')
    await page.locator('#for-you li').first().waitFor()
    const before = await idsIn('#for-you')
    const wanted = shop.items.find((item) => !before.includes(item.id))!
    await page.goto(`${shop.url}/p/${encodeURIComponent(wanted.id)}`)
    await page.getByRole('button', { name: 'Add to cart' }).click()
    await page.getByText('In the cart.').waitFor()
    await page.goto(shop.url)
    await expect
      .poll(
        async () => {
          await page.reload()
          await page.locator('#for-you li').first().waitFor()
          return (await page.locator('#for-you .why').allTextContents()).join('\n')
        },
        { timeout: 20_000 },
      )
      .toContain('because you')
    expect(await idsIn('#for-you')).not.toEqual(before)
  })

  it('says what is missing for an unknown item', async () => {
    const reply = await page.goto(`${shop.url}/p/no-such-item`)
    expect(reply?.status()).toBe(404)
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toContain('not in the shop')
  })

  it('ran without an error in the console', () => {
    expect(errors.filter((error) => !error.includes('404'))).toEqual([])
  })
})
