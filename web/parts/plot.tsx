import { durationText, exact } from './words.ts'

export interface Point {
  readonly key: string
  /** ISO 8601. */
  readonly at: string
  /** Milliseconds. */
  readonly took: number
  readonly tone: 'good' | 'warn' | 'bad'
  /** What else there is to say of it. */
  readonly text?: string | undefined
  readonly href?: string | undefined
}

/** How long things took, over time; each a point, and a link where it has a page. */
export function Durations({ label, points }: { readonly label: string; readonly points: readonly Point[] }) {
  if (points.length < 2) return null
  const sorted = points.toSorted((a, b) => (a.at < b.at ? -1 : 1))
  const longest = Math.max(...sorted.map(({ took }) => took), 1)
  const [first, last] = [Date.parse(sorted[0]!.at), Date.parse(sorted.at(-1)!.at)]
  const across = (at: string, place: number) => (last > first ? (Date.parse(at) - first) / (last - first) : place / (sorted.length - 1))
  const marks = sorted.map((point, place) => ({ ...point, x: percent(across(point.at, place)), y: percent(1 - point.took / longest) }))
  return (
    <figure class="plot">
      <figcaption>
        {label} <span class="faint">half of them within {durationText(middle(sorted))}</span>
      </figcaption>
      <div class="plot-frame">
        <span class="plot-most">{durationText(longest)}</span>
        <span class="plot-half">{durationText(longest / 2)}</span>
        <span class="plot-none">0</span>
        <svg role="group" aria-label={label}>
          {['0%', '50%', '100%'].map((y) => (
            <line key={y} x1="0" x2="100%" y1={y} y2={y} class="plot-axis" />
          ))}
          {marks.slice(1).map(({ key, x, y }, place) => (
            <line key={key} x1={marks[place]!.x} y1={marks[place]!.y} x2={x} y2={y} class="plot-line" />
          ))}
          {marks.map((mark) => (
            <Mark key={mark.key} mark={mark} />
          ))}
        </svg>
        <span class="plot-first">{exact(sorted[0]!.at)}</span>
        <span class="plot-last">{exact(sorted.at(-1)!.at)}</span>
      </div>
    </figure>
  )
}

function Mark({ mark: { at, took, text, tone, href, x, y } }: { readonly mark: Point & { readonly x: string; readonly y: string } }) {
  const spoken = [`${exact(at)}: ${durationText(took)}`, ...(text === undefined ? [] : [text])].join(', ')
  const dot = (
    <>
      <title>{spoken}</title>
      <circle cx={x} cy={y} r={10} class="plot-reach" />
      <circle cx={x} cy={y} r={3.5} class={`plot-${tone}`} />
    </>
  )
  return href === undefined ? (
    <g role="img" aria-label={spoken}>
      {dot}
    </g>
  ) : (
    <a href={href} aria-label={spoken}>
      {dot}
    </a>
  )
}

function percent(part: number): string {
  return `${(part * 100).toFixed(2)}%`
}

function middle(points: readonly Point[]): number {
  return points.map(({ took }) => took).toSorted((a, b) => a - b)[Math.floor((points.length - 1) / 2)]!
}
