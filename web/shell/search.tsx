import { useState } from 'preact/hooks'
import { ask } from '../api/client.ts'
import { pages } from './keys.ts'
import { go, hrefTo } from './place.ts'

interface Found {
  readonly text: string
  readonly kind: string
  readonly href: string
}

const mostShown = 12

/** Names of everything that has a page, found as they are typed. What there is is asked when the search is first used. */
export function Search() {
  const [text, setText] = useState('')
  const [names, setNames] = useState<readonly Found[]>([])
  const [chosen, setChosen] = useState(0)
  const [isOpen, setOpen] = useState(false)
  const found = text === '' ? [] : match(names, text)
  const open = (each: Found | undefined) => {
    if (each === undefined) return
    setText('')
    setOpen(false)
    go(each.href)
  }
  const onKeyDown = (event: KeyboardEvent) => {
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0
    if (event.key === 'Enter') open(found[chosen])
    else if (event.key === 'Escape') {
      setText('')
      ;(event.currentTarget as HTMLElement).blur()
    } else if (step !== 0) setChosen(Math.max(0, Math.min(found.length - 1, chosen + step)))
    else return
    event.preventDefault()
  }
  const isShown = isOpen && text !== ''
  return (
    <div class="search">
      <input
        id="search"
        type="search"
        role="combobox"
        list={undefined}
        aria-label="Search names"
        aria-expanded={isShown}
        aria-controls="found"
        aria-autocomplete="list"
        aria-activedescendant={isShown && found[chosen] !== undefined ? `found-${chosen}` : undefined}
        placeholder="Search  /"
        autocomplete="off"
        value={text}
        onFocus={() => {
          setOpen(true)
          void everything().then(setNames)
        }}
        onBlur={() => setOpen(false)}
        onInput={(event) => {
          setText(event.currentTarget.value)
          setChosen(0)
        }}
        onKeyDown={onKeyDown}
      />
      <FoundList found={found} chosen={chosen} isShown={isShown} onChoose={open} />
    </div>
  )
}

interface FoundListProps {
  readonly found: readonly Found[]
  readonly chosen: number
  readonly isShown: boolean
  readonly onChoose: (each: Found) => void
}

function FoundList({ found, chosen, isShown, onChoose }: FoundListProps) {
  return (
    <ul id="found" role="listbox" aria-label="Found" hidden={!isShown}>
      {found.map((each, at) => (
        <li
          key={each.href}
          id={`found-${at}`}
          role="option"
          aria-selected={at === chosen}
          onMouseDown={(event) => {
            event.preventDefault()
            onChoose(each)
          }}
        >
          {each.text} <span class="faint">{each.kind}</span>
        </li>
      ))}
      {found.length === 0 && (
        <li role="option" aria-selected="false" aria-disabled="true" class="faint">
          Nothing has such a name
        </li>
      )}
    </ul>
  )
}

function match(names: readonly Found[], text: string): readonly Found[] {
  const words = text.toLowerCase().split(/\s+/)
  const fits = names.filter((each) => words.every((word) => each.text.toLowerCase().includes(word)))
  const rank = (each: Found) => (each.text.toLowerCase().startsWith(words[0]!) ? 0 : 1)
  return fits.toSorted((a, b) => rank(a) - rank(b)).slice(0, mostShown)
}

/** A capability that is not configured, or does not answer, has no names. */
async function everything(): Promise<readonly Found[]> {
  const none = () => undefined
  const [releases, index, environments, jobs] = await Promise.all([
    ask('listProducts', '/releases').catch(none),
    ask('listIndexEnvironments', '/index').catch(none),
    ask('listEnvironments', '/environments').catch(none),
    ask('listJobs', '/jobs').catch(none),
  ])
  return [
    ...pages.map(({ name, title }) => ({ text: title, kind: 'page', href: hrefTo([name]) })),
    ...(releases?.products ?? []).flatMap(({ product, variants }) => [
      { text: product, kind: 'product', href: hrefTo(['releases', product]) },
      ...variants.map(({ variant }) => ({
        text: `${product} ${variant}`,
        kind: 'variant',
        href: hrefTo(['releases', product], { variant }),
      })),
    ]),
    ...(index?.environments ?? []).flatMap(({ name, indexes }) =>
      indexes.map(({ prefix }) => ({ text: prefix, kind: 'index', href: hrefTo(['index', name, 'packages'], { prefix }) })),
    ),
    ...(environments?.environments ?? []).map(({ name }) => ({ text: name, kind: 'environment', href: hrefTo(['environments', name]) })),
    ...(jobs?.jobs ?? []).map(({ name }) => ({ text: name, kind: 'job', href: hrefTo(['jobs'], { job: name }) })),
  ]
}
