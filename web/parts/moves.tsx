import type { ComponentChildren } from 'preact'
import type { Answers } from '../api/answers.ts'
import { hrefTo } from '../shell/place.ts'
import { Ago } from './facts.tsx'

type Move = Answers['listMoves']['items'][number]

/** Moves of any names, newest first. */
export function Moves({ moves }: { readonly moves: readonly Move[] }) {
  return (
    <ol class="timeline">
      {moves.map((move) => (
        <TimelineItem
          key={`${move.group}/${move.name}@${move.generation}`}
          verb={move.action}
          at={move.at}
          by={move.by}
          message={move.message}
          number={move.generation}
        >
          <Moved move={move} /> <span class="faint">{kinds[move.group] ?? move.group}</span>
        </TimelineItem>
      ))}
    </ol>
  )
}

const kinds: Readonly<Record<string, string>> = { releases: 'release', index: 'index', snapshots: 'snapshot' }

/** Prefixes that are named. */
const mostNamed = 3

/** An index is known by what was published; all else by its name. */
function Moved({ move }: { readonly move: Move }) {
  const { group, name, shown, environment, prefixes = [] } = move
  if (group !== 'index' || environment === undefined || prefixes.length === 0) {
    return (
      <a href={hrefOfMove(move)} data-row="" title={shown === name ? undefined : name}>
        {shown}
      </a>
    )
  }
  const left = prefixes.length - mostNamed
  return (
    <>
      {prefixes.slice(0, mostNamed).map((prefix, place) => (
        <span key={prefix}>
          {place > 0 && ', '}
          <a href={hrefTo(['index', environment, 'packages'], { prefix })} data-row={place === 0 ? '' : undefined}>
            {prefix}
          </a>
        </span>
      ))}
      {left > 0 && (
        <>
          {' '}
          and <a href={hrefTo(['index', environment, 'generations'])}>{left} more</a>
        </>
      )}
      {environment !== 'default' && <span class="faint"> in {environment}</span>}
    </>
  )
}

interface ItemProps {
  readonly verb: string
  readonly at: string
  readonly by: string
  readonly message: string | undefined
  /** Of the move, counted for each name. */
  readonly number: number
  readonly children: ComponentChildren
}

export function TimelineItem({ verb, at, by, message, number, children }: ItemProps) {
  return (
    <li>
      <b class="verb">{verb}</b>
      <div class="what">
        {children}
        {message !== undefined && <span class="message">{message}</span>}
      </div>
      <div class="faint when">
        <span class="by" title={`move ${number} of this name`}>
          {by}
        </span>
        <Ago at={at} />
      </div>
    </li>
  )
}

function hrefOfMove({ group, name, environment }: Move): string {
  if (group === 'releases') {
    const [product = name, variant] = name.split('/')
    return hrefTo(['releases', product], { variant })
  }
  if (group === 'index') return environment === undefined ? hrefTo(['index']) : hrefTo(['index', environment, 'generations'])
  return hrefTo(['store', 'snapshots'])
}
