/** @file What the page does in the browser: results as you type, events as you click, "for you" that follows. */
const { key, item } = JSON.parse(document.getElementById('boot').textContent)
const $ = (selector) => document.querySelector(selector)
const box = $('#q')
const shopper = $('#shopper')
const TYPING_PAUSE_MS = 60
/** The profile is written by a queue: look again a few times until "for you" has changed. */
const FOLLOW_UP_MS = [400, 900, 1_600, 2_800, 4_500]

const api = async (path, init = {}) => {
  const reply = await fetch(path, { ...init, headers: { authorization: `Bearer ${key}`, ...init.headers } })
  const body = await reply.json()
  if (!reply.ok) throw Object.assign(new Error(body.detail ?? body.title), { status: reply.status })
  return body
}

// ---- who is shopping ----
const visitor = localStorage.getItem('aisle-visitor') ?? `visitor-${crypto.randomUUID()}`
localStorage.setItem('aisle-visitor', visitor)
const saved = localStorage.getItem('aisle-shopper')
if (saved !== null && [...shopper.options].some((option) => option.value === saved)) shopper.value = saved
const userId = () => shopper.value || visitor
const sessionId = sessionStorage.getItem('aisle-session') ?? crypto.randomUUID()
sessionStorage.setItem('aisle-session', sessionId)

// ---- events ----
/** Resolves when the edge has taken the event; `keepalive` lets it finish while the next page loads. */
const send = (kind, fields) =>
  api('/v1/events', {
    method: 'POST',
    keepalive: true,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify([
      {
        eventId: crypto.randomUUID(),
        kind,
        userId: userId(),
        sessionId,
        time: new Date().toISOString(),
        ...fields,
      },
    ]),
  }).catch(() => {})

// ---- cards ----
const element = (tag, className, text) => {
  const node = document.createElement(tag)
  if (className) node.className = className
  node.textContent = text
  return node
}
const priceOf = (hit) =>
  hit.price === null ? '' : `${hit.price.toFixed(2)} ${hit.currency ?? ''}${hit.inStock ? '' : ' · sold out'}`
const card = (hit, requestId) => {
  const li = document.createElement('li')
  const link = element('a', '', hit.title)
  link.href = `/p/${encodeURIComponent(hit.id)}`
  link.dataset.itemId = hit.id
  link.dataset.requestId = requestId
  li.append(
    link,
    element('span', 'meta', [hit.brand, hit.category.at(-1)].filter(Boolean).join(' · ')),
    element('span', 'price', priceOf(hit)),
    element('span', 'why', hit.reasons[0]),
  )
  return li
}
const show = (list, reply) => list.replaceChildren(...reply.hits.map((hit) => card(hit, reply.requestId)))

document.addEventListener('click', (event) => {
  const link = event.target.closest?.('a[data-item-id]')
  if (link) send('click', { itemIds: [link.dataset.itemId], requestId: link.dataset.requestId })
})

// ---- search ----
const results = $('#results')
const note = $('#note')
let asked = 0
const search = async () => {
  const q = box.value.trim()
  const turn = ++asked
  history.replaceState(null, '', q ? `/?q=${encodeURIComponent(q)}` : location.pathname)
  if (!q) {
    results.replaceChildren()
    note.textContent = ''
    return
  }
  try {
    const reply = await api(`/v1/search?limit=24&q=${encodeURIComponent(q)}`)
    if (turn !== asked) return // a later key stroke has been asked already
    show(results, reply)
    note.textContent = reply.hits.length > 0 ? `${reply.total} items for “${q}”` : `Nothing found for “${q}”.`
  } catch (error) {
    if (turn === asked) note.textContent = error.message
  }
}
let typing
box.addEventListener('input', () => {
  clearTimeout(typing)
  typing = setTimeout(search, TYPING_PAUSE_MS)
})
box.form.addEventListener('submit', (event) => {
  event.preventDefault()
  clearTimeout(typing)
  if (box.value.trim()) send('search', { query: box.value.trim() })
  search()
})

// Arrow keys walk from the box through the cards and back.
document.addEventListener('keydown', (event) => {
  const stops = [box, ...document.querySelectorAll('.grid a')]
  const at = stops.indexOf(document.activeElement)
  if (at < 0 || (event.key !== 'ArrowDown' && event.key !== 'ArrowUp')) return
  const next = stops[at + (event.key === 'ArrowDown' ? 1 : -1)]
  if (!next) return
  event.preventDefault()
  next.focus()
})

// ---- for you ----
const forYou = $('#for-you')
const forYouNote = $('#for-you-note')
const loadForYou = async () => {
  const about = item ? `&itemId=${encodeURIComponent(item)}` : ''
  try {
    const reply = await api(`/v1/recommendations?limit=12&userId=${encodeURIComponent(userId())}${about}`)
    const before = [...forYou.querySelectorAll('a')].map((link) => link.dataset.itemId).join()
    show(forYou, reply)
    forYouNote.textContent =
      reply.degraded.length > 0 ? `Popular items for now (${reply.degraded.join(', ')}).` : ''
    return before !== reply.hits.map((hit) => hit.id).join()
  } catch (error) {
    forYouNote.textContent = error.message
    return false
  }
}
const followUp = () => {
  for (const delay of FOLLOW_UP_MS) setTimeout(loadForYou, delay)
}
shopper.addEventListener('change', () => {
  localStorage.setItem('aisle-shopper', shopper.value)
  loadForYou()
})

// ---- item page ----
for (const button of document.querySelectorAll('button[data-event]'))
  button.addEventListener('click', async () => {
    await send(button.dataset.event, { itemIds: [item] })
    $('#done').textContent = button.dataset.done
    followUp()
  })

if (item) {
  api(`/v1/items/${encodeURIComponent(item)}/similar?limit=8`)
    .then((reply) => show($('#similar'), reply))
    .catch((error) => {
      $('#similar-note').textContent = error.message
    })
  send('view', { itemIds: [item] }).then(followUp)
}
loadForYou()
