import { cloudFrontText } from './cdn/cloudfront.ts'
import { nginxText } from './cdn/nginx.ts'
import { type CdnRule, cdnRules } from './cdn/rules.ts'
import type { IndexEnvironment } from './environment.ts'
import { encodeSegment } from './pages/detail.ts'

export type CdnForm = 'rules' | 'nginx' | 'cloudfront'

/** Pure. What to set up in front of an environment's bucket, as text to read or to paste. */
export function describeCdn(environment: IndexEnvironment, form: CdnForm): string {
  if (form === 'nginx') return nginxText(environment)
  return form === 'cloudfront' ? cloudFrontText(environment) : rulesText(cdnRules(environment), environment)
}

/**
 * Pure. What a CDN may keep that is old once these projects of a prefix have changed: paths that begin with a slash, in the three forms that a
 * page goes by. Files are never purged: one name has the same bytes for ever.
 */
export function purgePaths(prefix: string, projects: Iterable<string>): string[] {
  const root = `/${[...(prefix === '' ? [] : prefix.split('/')), ''].map(encodeSegment).join('/')}`
  const folders = [root, ...[...projects].sort().map((name) => `${root}${encodeSegment(name)}/`)]
  return folders.flatMap((folder) => [folder, `${folder}index.html`, `${folder}index.json`])
}

function rulesText(rules: readonly CdnRule[], environment: IndexEnvironment): string {
  const lines = rules.flatMap(({ what, ends, contentType, cacheControl }) => [
    `${what}: ${ends.map((end) => `*.${end}`).join(', ')}`,
    `  Content-Type: ${contentType}`,
    `  Cache-Control: ${cacheControl}`,
  ])
  const example = purgePaths(environment.prefixes[0] ?? 'PREFIX', ['PROJECT'])
  return `${[
    ...lines,
    '',
    'A path that ends with a slash is a page: index.json where Accept names application/vnd.pypi.simple.v1+json, else index.html.',
    'Where that is not decided before the cache, the answer carries Vary: Accept and the cache keeps one for each.',
    'A bare + in a path means a plus sign: towards S3 it has to be written %2B.',
    'A key that does not exist is 404, never 403: installers take 403 for a lack of credentials and stop.',
    'Ranges and ETags pass through: installers read METADATA and resume downloads with them.',
    '',
    'To purge after a publication, for each project that changed:',
    ...example.map((path) => `  ${path}`),
  ].join('\n')}\n`
}
