import { Fault } from './fault.ts'

const sizes = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const

/** 1536 -> "1.5 KiB". Powers of 1,024. */
export function formatBytes(bytes: number): string {
  let unit = 0
  let value = bytes
  while (value >= 1024 && unit < sizes.length - 1) {
    value /= 1024
    unit++
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${sizes[unit]}`
}

/** "64MiB", "10 GB", "500k" -> bytes. K, M, G, T and KiB… are powers of 1,024; KB, MB… of 1,000. */
export function parseBytes(text: string): number {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([kmgtp]?)(i?b)?\s*$/i.exec(text)
  if (match === null) throw new Fault('invalid', `not a size: ${JSON.stringify(text)}`, { hint: 'write a size like 64MiB, 10GB or 4096' })
  const power = ' kmgtp'.indexOf(match[2]!.toLowerCase() || ' ')
  const step = match[3]?.toLowerCase() === 'b' ? 1000 : 1024
  return Math.round(Number(match[1]) * step ** power)
}

const spans: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 }

/** "90d", "15m", "1h30m" -> milliseconds. */
export function parseDuration(text: string): number {
  // Anyone may ask a server for a time: what is long is looked through once.
  if (!/^\s*(?:\d{1,15}(?:\.\d{1,9})?(?:ms|[smhdw])){1,20}\s*$/.test(text)) {
    throw new Fault('invalid', `not a duration: ${JSON.stringify(text.slice(0, 100))}`, {
      hint: 'write a duration like 30s, 15m, 24h, 90d or 1h30m',
    })
  }
  const parts = text.matchAll(/([\d.]+)(ms|[smhdw])/g)
  return parts.reduce((sum, part) => sum + Number(part[1]) * spans[part[2]!]!, 0)
}

/** 93784000 -> "1d 2h"; the two largest units. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`
  const units: [string, number][] = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1000],
  ]
  const first = units.findIndex(([, size]) => ms >= size)
  let rest = ms
  return units
    .slice(first, first + 2)
    .map(([name, size]) => {
      const count = Math.floor(rest / size)
      rest -= count * size
      return `${count}${name}`
    })
    .filter((part, index) => index === 0 || !part.startsWith('0'))
    .join(' ')
}

/** "2025-01-15T14:30:00Z", "2025-01-15 14:30", "2025-01-15" or an age such as "36h" -> milliseconds since 1970. Without a zone it is UTC. */
export function parseTime(text: string, now: number): number {
  if (/^\d+(\.\d+)?(ms|[smhdw])/.test(text)) return inRange(now - parseDuration(text), text)
  const match = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?))?\s*(Z|UTC|[+-]\d{2}:?\d{2})?$/.exec(text.trim())
  const zone = match?.[3] === undefined || match[3] === 'UTC' ? 'Z' : match[3]
  const time = match === null ? Number.NaN : Date.parse(`${match[1]}T${match[2] ?? '00:00'}${zone}`)
  return inRange(time, text)
}

function inRange(time: number, text: string): number {
  if (!Number.isNaN(new Date(time).getTime())) return time
  throw new Fault('invalid', `not a time: ${JSON.stringify(text.slice(0, 100))}`, {
    hint: 'write 2025-01-15T14:30:00Z, 2025-01-15 (both UTC) or an age such as 36h',
  })
}
