import type { Execution } from '../../api/live.ts'
import { Badge, type Tone } from '../../parts/facts.tsx'
import { bytesText, countText, durationText } from '../../parts/words.ts'

const tones: Readonly<Record<string, Tone>> = {
  running: 'busy',
  done: 'good',
  failed: 'bad',
  dead: 'bad',
  cancelled: 'plain',
  waiting: 'plain',
}

export function StateBadge({ execution: { state, isCancelling } }: { readonly execution: Execution }) {
  return <Badge tone={tones[state] ?? 'plain'}>{isCancelling ? 'cancelling' : state}</Badge>
}

export function ProgressBar({ progress }: { readonly progress: NonNullable<Execution['progress']> }) {
  const { task, items, bytes, totalItems, totalBytes } = progress
  const part =
    totalBytes !== undefined && totalBytes > 0
      ? bytes / totalBytes
      : totalItems !== undefined && totalItems > 0
        ? items / totalItems
        : undefined
  const of = (done: string, all: string | undefined) => (all === undefined ? done : `${done} of ${all}`)
  const text = [
    task,
    items > 0 || totalItems !== undefined ? of(countText(items), totalItems === undefined ? undefined : countText(totalItems)) : undefined,
    bytes > 0 || totalBytes !== undefined ? of(bytesText(bytes), totalBytes === undefined ? undefined : bytesText(totalBytes)) : undefined,
  ].filter((each) => each !== undefined)
  return (
    <div class="progress">
      <progress aria-label={task} max={1} value={part === undefined ? undefined : Math.min(1, part)} />
      <span class="faint">{text.join(', ')}</span>
    </div>
  )
}

export function Took({ execution: { started, ended } }: { readonly execution: Execution }) {
  if (started === undefined || ended === undefined) return <span class="faint">–</span>
  return <>{durationText(Date.parse(ended) - Date.parse(started))}</>
}
