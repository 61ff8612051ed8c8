import { signal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { bytesText, exact, relative, shortDigest } from './words.ts'

/** The time by which relative times are told; moves on twice a minute. */
const now = signal(Date.now())
setInterval(() => (now.value = Date.now()), 30_000)

/** How long ago; the exact time is in its title. */
export function Ago({ at }: { readonly at: string | undefined }) {
  if (at === undefined) return <span class="faint">never</span>
  return (
    <time dateTime={at} title={exact(at)}>
      {relative(Date.parse(at), Math.max(now.value, Date.now()))}
    </time>
  )
}

export function Size({ bytes }: { readonly bytes: number }) {
  return <span title={`${bytes.toLocaleString('en')} bytes`}>{bytesText(bytes)}</span>
}

/** A digest's first digits, a link where it leads somewhere, and a button that copies all of it. */
export function Digest({
  digest,
  href,
  isRow,
}: {
  readonly digest: string | undefined
  readonly href?: string | undefined
  readonly isRow?: boolean
}) {
  const [isCopied, setCopied] = useState(false)
  if (digest === undefined) return <span class="faint">–</span>
  const copy = async () => {
    await navigator.clipboard.writeText(digest)
    setCopied(true)
    setTimeout(() => setCopied(false), 1500)
  }
  const text = shortDigest(digest)
  return (
    <span class="digest" title={digest}>
      {href === undefined ? (
        <code>{text}</code>
      ) : (
        <a href={href} data-row={isRow === true ? '' : undefined}>
          <code>{text}</code>
        </a>
      )}
      <button type="button" class="copy" aria-label={`Copy ${text}`} onClick={() => void copy()}>
        <svg viewBox="0 0 16 16" width="12" height="12" aria-hidden="true">
          {isCopied ? (
            <path d="M3 8.5l3.2 3.2L13 5" fill="none" stroke="currentColor" stroke-width="2" />
          ) : (
            <path d="M5.5 5.5h7v8h-7z M3.5 10.5v-8h7" fill="none" stroke="currentColor" stroke-width="1.4" />
          )}
        </svg>
        <span class="unseen" role="status">
          {isCopied ? 'copied' : ''}
        </span>
      </button>
    </span>
  )
}

export type Tone = 'good' | 'bad' | 'warn' | 'plain' | 'busy'

export function Badge({ tone = 'plain', children }: { readonly tone?: Tone; readonly children: ComponentChildren }) {
  return <span class={`badge ${tone}`}>{children}</span>
}

/** Facts of one thing, each a term and what it is. */
export function Facts({ of }: { readonly of: readonly (readonly [term: string, value: ComponentChildren] | undefined)[] }) {
  return (
    <dl class="facts">
      {of.map(
        (pair) =>
          pair !== undefined && (
            <div key={pair[0]}>
              <dt>{pair[0]}</dt>
              <dd>{pair[1]}</dd>
            </div>
          ),
      )}
    </dl>
  )
}
