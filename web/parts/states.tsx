import type { ComponentChildren } from 'preact'
import type { Loaded } from '../api/answer.ts'
import type { Trouble } from '../api/client.ts'

/** Bars where something will be; of what takes long, it is said what is done. */
export function Waiting({ children }: { readonly children?: ComponentChildren }) {
  return (
    <div class="waiting" role="status">
      {children === undefined ? <span class="unseen">Loading</span> : <span class="faint">{children}</span>}
      <i />
      <i />
      <i />
    </div>
  )
}

export function Failed({ trouble, again }: { readonly trouble: Trouble; readonly again?: (() => void) | undefined }) {
  return (
    <div class="failed" role="alert">
      <strong>{sentence(trouble.detail)}</strong>
      {trouble.hint !== undefined && <p>{sentence(trouble.hint)}</p>}
      {trouble.request !== undefined && trouble.status >= 500 && (
        <p class="faint">
          The server's log tells more under request <code>{trouble.request}</code>.
        </p>
      )}
      {again !== undefined && (
        <button type="button" onClick={again}>
          Try again
        </button>
      )}
    </div>
  )
}

/** Nothing is here yet: which command fills it. */
export function Empty({ children, command }: { readonly children: ComponentChildren; readonly command?: string }) {
  return (
    <div class="empty">
      <p>{children}</p>
      {command !== undefined && (
        <pre>
          <code>{command}</code>
        </pre>
      )}
    </div>
  )
}

/** What was asked for, once it is there. What is known stays while it is asked again. */
export function Shown<T>({
  of,
  waiting,
  children,
}: {
  readonly of: Loaded<T>
  /** What is done meanwhile. */
  readonly waiting?: string
  readonly children: (data: T) => ComponentChildren
}) {
  const { data, trouble, again } = of
  if (trouble !== undefined && data === undefined) return <Failed trouble={trouble} again={again} />
  if (data === undefined) return <Waiting>{waiting}</Waiting>
  return (
    <>
      {trouble !== undefined && <Failed trouble={trouble} again={again} />}
      {children(data)}
    </>
  )
}

/** Words are capitalized, names such as `v2/gpu` are not. */
function sentence(text: string): string {
  const first = text.replace(/^[a-z]+(?=[\s,]|$)/, (word) => word.slice(0, 1).toUpperCase() + word.slice(1))
  return /[.!?…]$/.test(first) ? first : `${first}.`
}
