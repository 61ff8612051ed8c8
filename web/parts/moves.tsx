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
        <TimelineItem key={`${move.group}/${move.name}@${move.generation}`} at={move.at} by={move.by} message={move.message}>
          <b class="verb">{move.action}</b>{' '}
          <a href={hrefOfMove(move)} data-row="">
            {move.name}
          </a>{' '}
          <span class="faint">
            {move.group} #{move.generation}
          </span>
        </TimelineItem>
      ))}
    </ol>
  )
}

interface ItemProps {
  readonly at: string
  readonly by: string
  readonly message: string | undefined
  readonly children: ComponentChildren
}

export function TimelineItem({ at, by, message, children }: ItemProps) {
  return (
    <li>
      <div class="what">{children}</div>
      {message !== undefined && <div class="message">{message}</div>}
      <div class="faint when">
        <Ago at={at} /> by {by}
      </div>
    </li>
  )
}

function hrefOfMove({ group, name }: Move): string {
  if (group === 'releases') {
    const [product = name, variant] = name.split('/')
    return hrefTo(['releases', product], { variant })
  }
  if (group === 'index') return hrefTo(['index'])
  return hrefTo(['store', 'snapshots'], { name })
}
