import { durationText, exact } from './words.ts'

export interface Point {
  readonly key: string
  /** ISO 8601. */
  readonly at: string
  /** Milliseconds. */
  readonly took: number
  readonly isGood: boolean
  readonly href: string
}

const width = 640
const height = 110

/** How long things took, one after the other in time: each a bar that leads to it. */
export function Durations({ label, points }: { readonly label: string; readonly points: readonly Point[] }) {
  if (points.length < 2) return null
  const sorted = points.toSorted((a, b) => (a.at < b.at ? -1 : 1))
  const longest = Math.max(...sorted.map(({ took }) => took), 1)
  const step = Math.min(28, width / sorted.length)
  return (
    <figure class="plot">
      <figcaption class="faint">
        {label}: the longest {durationText(longest)}, half of them within {durationText(middle(sorted))}
      </figcaption>
      <svg viewBox={`0 0 ${width} ${height}`} role="group" aria-label={label}>
        <line x1={0} x2={width} y1={height - 0.5} y2={height - 0.5} class="plot-axis" />
        {sorted.map(({ key, at, took, isGood, href }, place) => {
          const size = Math.max(3, (took / longest) * (height - 6))
          const text = `${exact(at)}: ${durationText(took)}${isGood ? '' : ', failed'}`
          return (
            <a key={key} href={href} aria-label={text}>
              <title>{text}</title>
              <rect
                x={place * step + 1}
                y={height - 1 - size}
                width={Math.max(1, step - 3)}
                height={size}
                rx={1.5}
                class={isGood ? 'plot-good' : 'plot-bad'}
              />
            </a>
          )
        })}
      </svg>
    </figure>
  )
}

function middle(points: readonly Point[]): number {
  return points.map(({ took }) => took).toSorted((a, b) => a - b)[Math.floor((points.length - 1) / 2)]!
}
