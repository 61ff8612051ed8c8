import { fileURLToPath } from 'node:url'
import type { IndexEnvironment } from '../environment.ts'
import { acceptsJson, type CdnRule, cdnRules, originOf } from './rules.ts'

/** Pure. For nginx's `http` block: serves a published folder, or stands before a bucket. */
export function nginxText(environment: Pick<IndexEnvironment, 'bucket' | 'pageCache' | 'fileCache'>): string {
  const { bucket } = environment
  const rules = cdnRules(environment)
  const folder = bucket.startsWith('file:///') ? fileURLToPath(bucket) : undefined
  const origin = new URL(originOf(bucket) ?? 'https://BUCKET.example')
  return `${[
    '# A path that ends with a slash is a page, in the form that the client reads.',
    'map $http_accept $holdfast_page {',
    '    default index.html;',
    `    "~*${acceptsJson}" index.json;`,
    '}',
    ...mapOf('$holdfast_cache', rules, ({ cacheControl }) => cacheControl),
    ...mapOf('$holdfast_vary', rules, ({ isPage }) => (isPage ? 'Accept' : '')),
    ...(folder === undefined ? upstreamOf(origin) : []),
    '',
    'server {',
    '    listen 80;',
    '    absolute_redirect off;',
    '    add_header Cache-Control $holdfast_cache;',
    '    add_header Vary $holdfast_vary;',
    '    add_header X-Content-Type-Options nosniff;',
    '    gzip on;',
    '    gzip_proxied any;',
    '    gzip_types application/vnd.pypi.simple.v1+json text/plain;',
    ...(folder === undefined ? beforeBucket(origin) : fromFolder(folder, rules)),
    '}',
  ].join('\n')}\n`
}

function fromFolder(folder: string, rules: readonly CdnRule[]): string[] {
  return [
    `    root ${quoted(folder)};`,
    '    index $holdfast_page;',
    '    types {',
    ...rules.map(({ contentType, ends }) => `        ${contentType.split(';')[0]} ${ends.join(' ')};`),
    '    }',
    '    default_type application/octet-stream;',
    '    charset utf-8;',
    '    charset_types text/plain;',
    '    # Files that are still being written.',
    '    location ~ "/\\.~" {',
    '        return 404;',
    '    }',
  ]
}

function beforeBucket(origin: URL): string[] {
  const address = `${origin.protocol}//holdfast_bucket${origin.pathname === '/' ? '' : origin.pathname}`
  return [
    `    proxy_set_header Host ${origin.host};`,
    `    proxy_ssl_name ${origin.hostname};`,
    '    proxy_ssl_server_name on;',
    '    proxy_hide_header Cache-Control;',
    '    proxy_intercept_errors on;',
    '    # A bucket says so of keys that do not exist, and installers take it for a lack of credentials.',
    '    error_page 403 =404 @absent;',
    '    location @absent {',
    '        return 404;',
    '    }',
    '    # Paths go to the bucket as they came: it reads a bare plus sign as a space.',
    '    if ($request_uri ~* "(?:/|%2f)(?:\\.|%2e){1,2}(?:/|%2f|[?]|$)") {',
    '        return 400;',
    '    }',
    '    location / {',
    `        proxy_pass ${address}$request_uri;`,
    '    }',
    '    # A name of its own: what $holdfast_page is matched against takes $1 away.',
    '    location ~ "^(?<holdfast_folder>.*/)$" {',
    `        proxy_pass ${address}$holdfast_folder$holdfast_page;`,
    '    }',
  ]
}

/** Names that a server block asks for are looked up once, as it starts. */
function upstreamOf({ hostname, port, protocol }: URL): string[] {
  return ['upstream holdfast_bucket {', `    server ${hostname}:${port || (protocol === 'https:' ? 443 : 80)};`, '    keepalive 16;', '}']
}

/** From what a path ends with to a text. */
function mapOf(variable: string, rules: readonly CdnRule[], text: (rule: CdnRule) => string): string[] {
  const endings = rules.filter((rule) => text(rule) !== '').map((rule) => `    "~\\.(?:${rule.ends.join('|')})$" ${quoted(text(rule))};`)
  const pages = rules.filter(({ isPage }) => isPage).map(text)
  return [`map $uri ${variable} {`, '    default "";', ...(pages[0] === '' ? [] : [`    "~/$" ${quoted(pages[0]!)};`]), ...endings, '}']
}

function quoted(text: string): string {
  return `"${text.replaceAll(/["\\]/g, '\\$&')}"`
}
