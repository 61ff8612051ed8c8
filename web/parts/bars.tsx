import type { ComponentChildren } from 'preact'

export interface Bar {
  readonly name: string
  readonly href?: string
  /** What the name stands for. */
  readonly means?: string
  readonly value: number
  readonly text: ComponentChildren
}

/** Values beside each other as bars, by the largest of them. */
export function Bars({ bars }: { readonly bars: readonly Bar[] }) {
  const largest = Math.max(...bars.map(({ value }) => value), 1)
  return (
    <ul class="bars">
      {bars.map(({ name, href, means, value, text }) => (
        <li key={name}>
          <span class="bar-name">
            {href === undefined ? name : <a href={href}>{name}</a>} {means !== undefined && <span class="faint">{means}</span>}
          </span>
          <svg class="bar" width="100%" height="8" aria-hidden="true">
            <rect class="bar-rest" width="100%" height="8" rx="2" />
            <rect class="bar-value" width={`${value === 0 ? 0 : Math.max(0.8, (100 * value) / largest)}%`} height="8" rx="2" />
          </svg>
          <span class="bar-text">{text}</span>
        </li>
      ))}
    </ul>
  )
}
