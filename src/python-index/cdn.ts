import { cloudFrontText } from './cdn/cloudfront.ts'
import { nginxText } from './cdn/nginx.ts'
import { type CdnRule, cdnRules } from './cdn/rules.ts'
import type { IndexEnvironment } from './environment.ts'
import { encodeSegment } from './pages/detail.ts'

export type CdnForm = 'rules' | 'nginx' | 'cloudfront'

/** Pure. What to set up in front of an environment's bucket, as text to read or to paste. */
export function describeCdn(environment: IndexEnvironment, form: CdnForm): string {
  if (form === 'nginx') return nginxText(environment)
  return form === 'cloudfront' ? cloudFrontText(environment) : rulesText(cdnRules(environment))
}

/** Pure. The paths of keys that a CDN may keep in an old version: what `purge` of a publication names. */
export function purgePaths(keys: Iterable<string>): string[] {
  return Array.from(keys, (key) => `/${key.split('/').map(encodeSegment).join('/')}`)
}

function rulesText(rules: readonly CdnRule[]): string {
  const lines = rules.flatMap(({ what, ends, contentType, cacheControl }) => [
    `${what}: ${ends.map((end) => `*.${end}`).join(', ')}`,
    `  Content-Type: ${contentType}`,
    `  Cache-Control: ${cacheControl}`,
  ])
  return `${[
    ...lines,
    '',
    'A path that ends with a slash is a page: index.json where Accept names application/vnd.pypi.simple.v1+json, else index.html.',
    'Where that is not decided before the cache, the answer carries Vary: Accept and the cache keeps one for each.',
    'A bare + in a path means a plus sign: towards S3 it has to be written %2B.',
    'A key that does not exist is 404, never 403: installers take 403 for a lack of credentials and stop.',
    'Ranges and ETags pass through: installers read METADATA and resume downloads with them.',
    '',
    `To purge after a publication: the paths of pages that it names, such as ${['', 'index.html', 'index.json'].map((end) => `/PREFIX/PROJECT/${end}`).join(' ')}`,
    'Files are purged only where a publication names them: those that were replaced or deleted under their name in the bucket.',
  ].join('\n')}\n`
}
