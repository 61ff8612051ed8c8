import { signal } from '@preact/signals'
import { go, hrefTo } from './place.ts'
import { nextTheme } from './theme.ts'

/** Pages with the letter that goes there after `g`. */
export const pages = [
  { name: '', title: 'Overview', letter: 'o' },
  { name: 'releases', title: 'Releases', letter: 'r' },
  { name: 'index', title: 'Index', letter: 'i' },
  { name: 'images', title: 'Images', letter: 'm' },
  { name: 'environments', title: 'Environments', letter: 'e' },
  { name: 'runs', title: 'Runs', letter: 'u' },
  { name: 'jobs', title: 'Jobs', letter: 'j' },
  { name: 'store', title: 'Store', letter: 's' },
  { name: 'audit', title: 'Audit', letter: 'a' },
] as const

export const isHelpOpen = signal(false)

/** Milliseconds in which the letter after `g` is waited for. */
const patience = 1500

export function startKeys(): void {
  let goSince = -Infinity
  document.addEventListener('keydown', (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return
    if (document.querySelector('dialog[open]') !== null) return
    const { key } = event
    const isGoing = event.timeStamp - goSince < patience
    goSince = key === 'g' && !isGoing ? event.timeStamp : -Infinity
    const page = isGoing ? pages.find(({ letter }) => letter === key) : undefined
    if (page !== undefined) go(hrefTo([page.name]))
    else if (!isGoing && !press(key)) return
    event.preventDefault()
  })
}

/** Whether the key means something. */
function press(key: string): boolean {
  switch (key) {
    case '/':
      document.querySelector<HTMLElement>('#search')?.focus()
      return true
    case '?':
      isHelpOpen.value = true
      return true
    case 't':
      nextTheme()
      return true
    case 'j':
      return step(1)
    case 'k':
      return step(-1)
    case 'g':
      return true
    default:
      return false
  }
}

/** To the link of the next row, from wherever the focus is. */
function step(by: 1 | -1): boolean {
  const links = [...document.querySelectorAll<HTMLElement>('main [data-row]')]
  if (links.length === 0) return false
  const row = document.activeElement?.closest('tr, li')?.querySelector<HTMLElement>('[data-row]')
  const here = row === null || row === undefined ? -1 : links.indexOf(row)
  const next = here === -1 ? (by === 1 ? 0 : links.length - 1) : Math.max(0, Math.min(links.length - 1, here + by))
  links[next]!.focus()
  links[next]!.scrollIntoView({ block: 'nearest' })
  return true
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(?:INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
}
