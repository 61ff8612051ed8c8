import * as v from 'valibot'
import { count, flag, listOf, localPath, matching, table } from './fields.ts'

export const serveSchema = v.pipe(
  table(
    {
      host: v.optional(matching(/^[\w.:-]+$/, 'a name or address', 'Where to listen; 127.0.0.1 is this machine alone.'), '127.0.0.1'),
      port: v.optional(v.pipe(count('The port; 0 takes one that is free.', 0), v.maxValue(65_535, 'a port up to 65535')), 8080),
      tls_cert: v.optional(
        localPath('The certificate with those that lead to its authority, in PEM. With `tls_key`; without both it is plain HTTP.'),
      ),
      tls_key: v.optional(localPath('The key of the certificate, in PEM.')),
      trusted_proxies: v.optional(
        listOf(
          matching(
            /^[0-9a-fA-F:.]+(\/\d{1,3})?$/,
            'an address such as "10.0.0.7", or a network such as "10.0.0.0/8"',
            'An address or a network.',
          ),
          'Proxies in front of it: what their X-Forwarded-For says is believed.',
        ),
        [],
      ),
      names: v.optional(
        listOf(
          matching(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/, 'a host name in lower case, such as "builds.example.com"', 'A host name.'),
          'The host names that it answers to, beside localhost and addresses. Without it: those alone where it listens on this machine alone, else all.',
        ),
      ),
      rate: v.optional(
        count('Requests a second that one address may make on average, and five times as many at once; 0: no limit.', 0),
        200,
      ),
      access_log: v.optional(
        flag('A line in the log for each request, not only for those that changed something, were refused for want of a token, or failed.'),
        false,
      ),
    },
    'The server: API, downloads, Python index, metrics.',
  ),
  v.check(({ tls_cert: cert, tls_key: key }) => (cert === undefined) === (key === undefined), 'both `tls_cert` and `tls_key`, or neither'),
)

/** `[serve]` with its paths absolute. */
export interface ServeConfig {
  readonly host: string
  readonly port: number
  readonly tls: { readonly cert: string; readonly key: string } | undefined
  readonly trustedProxies: readonly string[]
  /** Undefined: those that fit where it listens. */
  readonly names: readonly string[] | undefined
  /** Requests a second of one address; 0: no limit. */
  readonly rate: number
  readonly accessLog: boolean
}

export function serveConfig(written: v.InferOutput<typeof serveSchema>): ServeConfig {
  const { host, port, tls_cert: cert, tls_key: key, trusted_proxies: trustedProxies, names, rate, access_log: accessLog } = written
  const tls = cert === undefined || key === undefined ? undefined : { cert, key }
  return { host, port, tls, trustedProxies, names, rate, accessLog }
}
