/** Numbers and times for people. */
const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']

export function bytesText(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit += 1
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`
}

export function countText(count: number): string {
  return count.toLocaleString('en')
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${countText(count)} ${count === 1 ? one : many}`
}

/** `3 minutes ago`, `in 2 hours`. */
export function relative(time: number, now: number): string {
  const seconds = Math.round((time - now) / 1000)
  const size = Math.abs(seconds)
  const spoken = new Intl.RelativeTimeFormat('en', { numeric: 'auto' })
  if (size < 5) return 'now'
  if (size < 60) return spoken.format(seconds, 'second')
  if (size < 3600) return spoken.format(Math.round(seconds / 60), 'minute')
  if (size < 86_400) return spoken.format(Math.round(seconds / 3600), 'hour')
  if (size < 60 * 86_400) return spoken.format(Math.round(seconds / 86_400), 'day')
  if (size < 700 * 86_400) return spoken.format(Math.round(seconds / (30 * 86_400)), 'month')
  return spoken.format(Math.round(seconds / (365 * 86_400)), 'year')
}

export function exact(iso: string): string {
  return `${iso.slice(0, 19).replace('T', ' ')} UTC`
}

export function shortDigest(digest: string): string {
  return digest.replace(/^sha256:/, '').slice(0, 12)
}
export function durationText(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`
  if (milliseconds < 60_000) return `${(milliseconds / 1000).toFixed(1)} s`
  const minutes = Math.floor(milliseconds / 60_000)
  if (minutes < 60) return `${minutes} min ${Math.round((milliseconds % 60_000) / 1000)} s`
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

/** A number of seconds in the largest unit of which it is a whole number. */
export function wholeText(seconds: number): string {
  const [size, unit] = (
    [
      [86_400, 'd'],
      [3600, 'h'],
      [60, 'min'],
    ] as const
  ).find(([each]) => seconds % each === 0) ?? [1, 's']
  return `${seconds / size} ${unit}`
}
