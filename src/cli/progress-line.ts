import { formatBytes, formatDuration } from '../kit/index.ts'
import { displayWidth, padTo, printable, truncate } from './width.ts'

/** How far one piece of work is. */
export interface TaskState {
  readonly task: string
  readonly bytes: number
  readonly totalBytes: number | undefined
  readonly items: number
  readonly totalItems: number | undefined
  /** Bytes a second of late; undefined while there is too little to say. */
  readonly rate: number | undefined
}

const barCells = 16

/** One line for a terminal: what does not fit is left out, the bar first, the task's name last. */
export function progressLine(state: TaskState, width: number): string {
  const share = shareDone(state)
  const filled = share === undefined ? 0 : Math.round(share * barCells)
  const parts = [
    { text: share === undefined ? '' : `[${'#'.repeat(filled)}${'.'.repeat(barCells - filled)}]`, leaves: 1 },
    { text: share === undefined ? '' : padTo(`${Math.floor(share * 100)}%`, 4, 'right'), leaves: 6 },
    { text: bytesText(state, '/'), leaves: 3 },
    { text: filesText(state, '/'), leaves: 2 },
    { text: rateText(state), leaves: 4 },
    { text: etaText(state), leaves: 5 },
  ].filter(({ text }) => text !== '')
  const name = printable(state.task)
  const length = () => parts.reduce((sum, { text }) => sum + displayWidth(text) + 2, 0)
  while (parts.length > 0 && length() + Math.min(displayWidth(name), 16) > width) {
    const first = Math.min(...parts.map(({ leaves }) => leaves))
    parts.splice(
      parts.findIndex(({ leaves }) => leaves === first),
      1,
    )
  }
  return [truncate(name, Math.max(1, width - length())), ...parts.map(({ text }) => text)].join('  ')
}

/** The same as a sentence, for logs. */
export function progressSentence(state: TaskState): string {
  const share = shareDone(state)
  const facts = [bytesText(state, ' of '), filesText(state, ' of '), rateText(state), etaText(state)].filter((text) => text !== '')
  return `${printable(state.task)}: ${share === undefined ? '' : `${Math.floor(share * 100)}%, `}${facts.join(', ')}`
}

function shareDone({ bytes, totalBytes, items, totalItems }: TaskState): number | undefined {
  if (totalBytes !== undefined && totalBytes > 0) return Math.min(1, bytes / totalBytes)
  if (totalItems !== undefined && totalItems > 0) return Math.min(1, items / totalItems)
  return undefined
}

function bytesText({ bytes, totalBytes }: TaskState, of: string): string {
  if (totalBytes === undefined) return bytes === 0 ? '' : formatBytes(bytes)
  return `${formatBytes(bytes)}${of}${formatBytes(totalBytes)}`
}

function filesText({ items, totalItems }: TaskState, of: string): string {
  if (totalItems === undefined) return items === 0 ? '' : `${items} files`
  return totalItems <= 1 ? '' : `${items}${of}${totalItems} files`
}

function rateText({ rate }: TaskState): string {
  return rate === undefined ? '' : `${formatBytes(rate)}/s`
}

function etaText({ rate, bytes, totalBytes }: TaskState): string {
  if (rate === undefined || rate <= 0 || totalBytes === undefined || bytes >= totalBytes) return ''
  return `ETA ${formatDuration(Math.max(1000, Math.ceil((totalBytes - bytes) / rate) * 1000)).replace(/\.\d s$/, ' s')}`
}
