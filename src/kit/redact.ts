const hidden = '[hidden]'
const known = new Set<string>()

/** Query parameters whose values may be shown; every other value is hidden. */
const openParameters = new Set([
  'prefix',
  'delimiter',
  'list-type',
  'max-keys',
  'partNumber',
  'uploads',
  'versioning',
  'scope',
  'service',
  'mount',
  'from',
  'digest',
  'n',
  'last',
  'page',
  'per_page',
  'path_style',
  'region',
  'endpoint',
  'sync',
  'tags',
  'tags_count',
  'status',
  'exclude_pull_requests',
  'branch',
  'event',
  'account',
])

/**
 * Makes a secret known, so that it is hidden wherever it appears from now on. Process-wide on purpose: a secret that
 * one part of the program knows may reach a message through any other.
 */
export function keepSecret(value: string | undefined): void {
  if (value !== undefined && value.length >= 6) known.add(value)
}

/** A secret that is good for nothing any more: a program that runs for weeks sees very many. */
export function forgetSecret(value: string | undefined): void {
  if (value !== undefined) known.delete(value)
}

/** The text without credentials: known secrets, URL user-info and query values, authorization headers, signatures. */
export function redact(text: string): string {
  let safe = text
  for (const secret of known) {
    if (safe.includes(secret)) safe = safe.replaceAll(secret, hidden)
    const encoded = encodeURIComponent(secret)
    if (encoded !== secret && safe.includes(encoded)) safe = safe.replaceAll(encoded, hidden)
  }
  return (
    safe
      // Of a scheme its last sign alone: a search for where it begins takes the square of a long text.
      .replace(/([a-z0-9+.-]:\/\/)([^\s/?#@:]*):([^\s/?#"]*)@/gi, `$1$2:${hidden}@`)
      // A password whose `/`, `?` or `#` nobody has escaped; what begins as a port does is one.
      .replace(/([a-z0-9+.-]:\/\/)([^\s/?#@:"[]+):(?!\d{1,5}[/?])([^\s@"]{1,200})@/gi, `$1$2:${hidden}@`)
      .replace(/([?&])([A-Za-z0-9_.~-]+)=([^&\s"'<>)]*)/g, (whole, mark: string, name: string) =>
        openParameters.has(name) ? whole : `${mark}${name}=${hidden}`,
      )
      .replace(/\b(Bearer|Basic|AWS4-HMAC-SHA256)\s+[^\s"']+(?:,\s*[A-Za-z]+=[^\s"',]+)*/gi, `$1 ${hidden}`)
      .replace(
        /\b(authorization|x-amz-security-token|private-token|job-token|cookie|set-cookie)(["']?\s*[:=]\s*["']?)(?!\s*(?:Bearer|Basic|AWS4)\b)[^\s"',;]+/gi,
        `$1$2${hidden}`,
      )
      .replace(/\b(ghp|gho|ghs|ghu|github_pat|glpat|gldt|glrt|hft)[_-][A-Za-z0-9_-]{10,}/g, `$1-${hidden}`)
  )
}
