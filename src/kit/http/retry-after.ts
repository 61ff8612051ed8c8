/**
 * `Retry-After` as milliseconds from now: seconds or an HTTP date (RFC 9110, 10.2.3). Undefined where there is none, or it says nothing.
 */
export function retryAfterOf(header: string | undefined, now: number): number | undefined {
  const text = header?.trim() ?? ''
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000
  // A date has a letter; other numbers would be taken for years.
  const at = /[A-Za-z]/.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(at) ? undefined : Math.max(0, at - now)
}
