import type { IndexEnvironment } from '../environment.ts'

/** What one kind of object is served with. */
export interface CdnRule {
  readonly what: string
  /** How the names of such objects end, without the dot. */
  readonly ends: readonly string[]
  readonly contentType: string
  readonly cacheControl: string
  /** Its path without `index.html` or `index.json` is the same page, in the form that the client reads. */
  readonly isPage: boolean
}

/** Pure. */
export function cdnRules({ pageCache, fileCache }: Pick<IndexEnvironment, 'pageCache' | 'fileCache'>): CdnRule[] {
  const page = { cacheControl: pageCache, isPage: true }
  const file = { cacheControl: fileCache, isPage: false }
  return [
    { what: 'pages, for people and older installers', ends: ['html'], contentType: 'text/html; charset=utf-8', ...page },
    { what: 'pages, for installers', ends: ['json'], contentType: 'application/vnd.pypi.simple.v1+json', ...page },
    { what: 'core metadata', ends: ['metadata'], contentType: 'text/plain; charset=utf-8', ...file },
    { what: 'provenance', ends: ['provenance'], contentType: 'application/vnd.pypi.integrity.v1+json', ...file },
    { what: 'distributions', ends: ['whl', 'gz', 'zip'], contentType: 'application/octet-stream', ...file },
  ]
}

/** An Accept that names the JSON form, and not in order to refuse it: a regular expression that nginx and JavaScript read alike. */
export const acceptsJson = 'application/vnd\\.pypi\\.simple\\.(?:v1|latest)\\+json(?!\\s*;\\s*q=0(?:\\.0*)?\\s*(?:,|$))'

/** The bucket over HTTP, without a slash at its end, where its URL tells it: what a CDN asks. */
export function originOf(bucket: string): string | undefined {
  const match = /^s3:\/\/([^/?]+)(\/[^?]*?)?\/*(?:\?.*)?$/.exec(bucket)
  if (match !== null) return `https://${match[1]}.s3.amazonaws.com${match[2] ?? ''}`
  return /^https?:/.test(bucket) ? bucket.replace(/\/+$/, '') : undefined
}
