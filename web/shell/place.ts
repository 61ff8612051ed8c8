import { signal } from '@preact/signals'

export interface Place {
  /** Segments below /ui, unescaped. */
  readonly path: readonly string[]
  readonly query: ReadonlyMap<string, string>
}

const base = '/ui'

/** Where we are: the browser's own address, so that every page can be linked to. */
export const place = signal<Place>(placeOf(location))

export function startNavigation(): void {
  addEventListener('popstate', () => (place.value = placeOf(location)))
  document.addEventListener('click', (event) => {
    const isPlain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey
    const link = event.target instanceof Element ? event.target.closest('a') : null
    if (!isPlain || event.defaultPrevented || link === null || link.hasAttribute('download') || link.target !== '') return
    const to = new URL(link.href, location.href)
    if (to.origin !== location.origin || !isOurs(to.pathname) || (to.hash !== '' && to.pathname === location.pathname)) return
    event.preventDefault()
    go(to.pathname + to.search)
  })
}

export function go(href: string): void {
  history.pushState(null, '', href)
  place.value = placeOf(location)
  scrollTo(0, 0)
  // So that a reader of the screen, and the next Tab, begin at the new page.
  document.querySelector<HTMLElement>('main')?.focus({ preventScroll: true })
}

/** Stays on the page, with another query; nothing to go back to. */
export function setQuery(changes: Readonly<Record<string, string | undefined>>): void {
  const query = new URLSearchParams(location.search)
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined || value === '') query.delete(name)
    else query.set(name, value)
  }
  const text = query.toString()
  history.replaceState(null, '', location.pathname + (text === '' ? '' : `?${text}`))
  place.value = placeOf(location)
}

/** The address of a page: `hrefTo(['releases', 'rcclx'], { variant: '6.4' })`. */
export function hrefTo(path: readonly (string | number)[], query: Readonly<Record<string, string | undefined>> = {}): string {
  const pairs = Object.entries(query).filter((pair): pair is [string, string] => pair[1] !== undefined && pair[1] !== '')
  const text = new URLSearchParams(pairs).toString()
  return `${base}/${path.map((part) => encodeURIComponent(part)).join('/')}${text === '' ? '' : `?${text}`}`
}

function placeOf({ pathname, search }: { readonly pathname: string; readonly search: string }): Place {
  const below = pathname.startsWith(base) ? pathname.slice(base.length) : pathname
  const path = below.split('/').filter((part) => part !== '')
  return { path: path.map(unescaped), query: new Map(new URLSearchParams(search)) }
}

function unescaped(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

function isOurs(path: string): boolean {
  return path === '/' || path === base || path.startsWith(`${base}/`)
}
