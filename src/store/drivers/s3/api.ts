import { lookup, type LookupAddress, type LookupOptions } from 'node:dns'
import type { $Command, S3Client, S3ClientConfig, S3ClientResolvedConfig, ServiceInputTypes, ServiceOutputTypes } from '@aws-sdk/client-s3'
import { keepSecret, throwIfAborted, Fault } from '../../../kit/index.ts'
import { type Circumstances, noCredentials, s3Fault } from './faults.ts'
import type { ResolvedSettings } from './settings.ts'

export type Sdk = typeof import('@aws-sdk/client-s3')

export interface Call extends Circumstances {
  /** Headers that the SDK has no name for, or would compute anew. */
  readonly headers?: Readonly<Record<string, string>>
}

/** Requests to one server, with faults in the place of errors. */
export interface S3Api {
  readonly settings: ResolvedSettings
  /** One request, sent once. `date` is the server's clock as it answered, in milliseconds since 1970. */
  send<I extends ServiceInputTypes, O extends ServiceOutputTypes>(
    call: Call,
    command: (sdk: Sdk) => $Command<I, O, S3ClientResolvedConfig>,
  ): Promise<{ readonly output: O; readonly date: number }>
  close(): void
}

export function createS3Api(settings: ResolvedSettings, onRequest: (kind: string) => void): S3Api {
  let opening: Promise<{ sdk: Sdk; client: S3Client }> | undefined
  let opened: S3Client | undefined
  const open = async () => {
    const sdk = await import('@aws-sdk/client-s3')
    opened = new sdk.S3Client(configOf(settings))
    await checkClient(opened)
    return { sdk, client: opened }
  }
  const close = () => {
    opened?.destroy()
    opened = opening = undefined
  }
  return {
    settings,
    async send(call, make) {
      throwIfAborted(call.signal)
      try {
        opening ??= open().catch((error: unknown) => {
          close()
          throw error
        })
        const { sdk, client } = await opening
        const command = make(sdk)
        const seen = watch(command, call, onRequest)
        const output = await client.send(command, call.signal === undefined ? {} : { abortSignal: call.signal })
        return { output, date: seen.date }
      } catch (error) {
        throw s3Fault(error, call)
      }
    },
    close,
  }
}

function configOf({ endpoint, region, profile, pathStyle, credentials, idleTimeout }: ResolvedSettings): S3ClientConfig {
  const agent = { maxSockets: Infinity, lookup: lookupLocalhost }
  return {
    forcePathStyle: pathStyle,
    // Tries are counted and waited for above, where it is known what may be repeated.
    maxAttempts: 1,
    // Bodies carry the SHA-256 that is known already; what is read is checked against digests by its reader.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // Waiting for `100 Continue` takes a new connection for each part.
    expectContinueHeader: false,
    requestHandler: { connectionTimeout: 10_000, socketTimeout: idleTimeout, httpAgent: agent, httpsAgent: agent },
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(region === undefined ? {} : { region }),
    ...(profile === undefined ? {} : { profile }),
    ...(credentials === undefined ? {} : { credentials }),
  }
}

/** Finds out what is missing before the first request, while it can still be said plainly. */
async function checkClient(client: S3Client): Promise<void> {
  try {
    await client.config.region()
  } catch (error) {
    throw new Fault('invalid', 'the S3 store has no region', { hint: 'set its region, or AWS_REGION', cause: error })
  }
  try {
    const { secretAccessKey, sessionToken } = await client.config.credentials()
    keepSecret(secretAccessKey)
    keepSecret(sessionToken)
  } catch (error) {
    throw new Fault(noCredentials.code, `S3: ${noCredentials.says}`, { hint: noCredentials.hint, cause: error })
  }
}

/** Counts the request as it is sent, adds headers to it, and keeps the date of the answer. */
function watch<I extends ServiceInputTypes, O extends ServiceOutputTypes>(
  command: $Command<I, O, S3ClientResolvedConfig>,
  call: Call,
  onRequest: (kind: string) => void,
): { date: number } {
  const seen = { date: 0 }
  command.middlewareStack.add(
    (next) => (args) => {
      if (hasHeaders(args.request)) Object.assign(args.request.headers, call.headers)
      return next(args)
    },
    { step: 'build', priority: 'high' },
  )
  command.middlewareStack.add(
    (next, context) => async (args) => {
      onRequest((context.commandName ?? '').replace(/Command$/, ''))
      const result = await next(args)
      if (hasHeaders(result.response)) seen.date = Date.parse(result.response.headers['date'] ?? '') || 0
      return result
    },
    { step: 'deserialize', priority: 'low' },
  )
  return seen
}

function hasHeaders(message: unknown): message is { headers: Record<string, string> } {
  return typeof message === 'object' && message !== null && 'headers' in message && typeof message.headers === 'object'
}

type LookupDone = (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void

/** BUCKET.localhost is the loopback, also where the system's resolver does not know (RFC 6761, 6.3). */
function lookupLocalhost(host: string, options: LookupOptions, done: LookupDone): void {
  lookup(host.endsWith('.localhost') ? 'localhost' : host, options, done)
}
