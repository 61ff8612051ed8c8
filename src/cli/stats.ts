import { formatBytes } from '../kit/index.ts'
import type { MeterReading } from '../store/index.ts'

/** What a command took, for --stats: only what is not zero. */
export function statsText({ operations, bytes, requests, roundTrips }: MeterReading): string {
  const counts = (named: Readonly<Record<string, number>>) =>
    Object.entries(named)
      .filter(([, count]) => count > 0)
      .map(([name, count]) => `${count} ${name}`)
      .join(', ')
  const moved = Object.entries(bytes).map(([kind, count]) => `${formatBytes(count)} ${kind}`)
  const lines = [`operations: ${counts(operations) || 'none'}`, `bytes: ${moved.join(', ')}`]
  const sent = Object.values(requests).reduce((sum, count) => sum + count, 0)
  if (sent > 0) lines.push(`requests: ${sent} (${counts(requests)})`)
  if (roundTrips > 0) lines.push(`round trips: ${roundTrips} one after the other`)
  return lines.join('\n')
}
