import { abortFault, Fault, type FaultCode } from '../../../kit/index.ts'

interface Meaning {
  readonly code: FaultCode
  readonly says: string
  readonly hint?: string
}

const overloaded: Meaning = { code: 'unavailable', says: 'the server is overloaded' }
const failing: Meaning = { code: 'unavailable', says: 'the server failed' }
const lost: Meaning = { code: 'precondition', says: 'someone else was first, or it is not the version that was expected' }
const damaged: Meaning = { code: 'unavailable', says: 'the bytes were damaged on their way to the server, which refused them' }
const badKeys: Meaning = {
  code: 'denied',
  says: 'the server does not accept these credentials',
  hint: 'check the access key id and the secret access key',
}
const expired: Meaning = { code: 'denied', says: 'the session has expired', hint: 'sign in again, or renew AWS_SESSION_TOKEN' }
const otherRegion: Meaning = {
  code: 'invalid',
  says: 'the bucket is in another region',
  hint: 'set the region of the store to the one of the bucket',
}
const noAcl: Meaning = {
  code: 'unsupported',
  says: 'the bucket does not take access control lists, so an object cannot be made public by itself',
  hint: 'make the objects public with a bucket policy and leave `public` out, or enable ACLs for the bucket',
}

/** By the code in the server's answer. https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html */
const byCode: Readonly<Record<string, Meaning>> = {
  NoSuchKey: { code: 'not-found', says: 'there is no such object' },
  NoSuchUpload: { code: 'not-found', says: 'the upload in parts is no longer there' },
  // Not `not-found`: a reader takes that for an absent key, and a bucket that is missing is trouble, not absence.
  NoSuchBucket: { code: 'invalid', says: 'there is no such bucket', hint: 'create the bucket, or correct its name or the endpoint' },
  InvalidBucketName: { code: 'invalid', says: 'no bucket can have this name' },
  PreconditionFailed: lost,
  ConditionalRequestConflict: lost,
  AccessDenied: { code: 'denied', says: 'access is denied', hint: 'check the rights of this account on the bucket and the key' },
  AccountProblem: { code: 'denied', says: 'there is a problem with the account' },
  InvalidAccessKeyId: badKeys,
  SignatureDoesNotMatch: badKeys,
  InvalidToken: expired,
  ExpiredToken: expired,
  ExpiredTokenException: expired,
  RequestTimeTooSkewed: {
    code: 'denied',
    says: "this machine's clock differs too much from the server's",
    hint: 'set the clock: timedatectl set-ntp true',
  },
  RequestExpired: {
    code: 'denied',
    says: "this machine's clock differs too much from the server's",
    hint: 'set the clock: timedatectl set-ntp true',
  },
  InvalidObjectState: { code: 'unsupported', says: 'the object lies in an archive class', hint: 'restore it from the archive first' },
  PermanentRedirect: otherRegion,
  TemporaryRedirect: { code: 'unavailable', says: 'the bucket is being moved' },
  AuthorizationHeaderMalformed: otherRegion,
  IllegalLocationConstraintException: otherRegion,
  InvalidRange: { code: 'invalid', says: 'the range starts at or past the end of the object' },
  EntityTooLarge: { code: 'invalid', says: 'the object is larger than the server takes' },
  EntityTooSmall: { code: 'invalid', says: 'a part is smaller than the server takes', hint: 'raise part_size to at least 5 MiB' },
  KeyTooLongError: { code: 'invalid', says: 'the key is too long' },
  BadDigest: damaged,
  XAmzContentSHA256Mismatch: damaged,
  XAmzContentChecksumMismatch: damaged,
  IncompleteBody: damaged,
  InternalError: failing,
  OperationAborted: overloaded,
  RequestTimeout: overloaded,
  RequestTimeoutException: overloaded,
  ServiceUnavailable: overloaded,
  SlowDown: overloaded,
  Throttling: overloaded,
  TooManyRequests: overloaded,
  InsufficientCapacity: { code: 'unavailable', says: 'the server is full', hint: 'free some space there and run it again' },
  QuotaExceeded: { code: 'unavailable', says: 'the quota is used up', hint: 'free some space or raise the quota' },
  NotImplemented: { code: 'unsupported', says: 'the server does not do this' },
  MethodNotAllowed: { code: 'unsupported', says: 'the server does not allow this' },
  AccessControlListNotSupported: noAcl,
}

/** By status, where the answer has no code that is known: a HEAD has no body at all. */
const byStatus: Readonly<Record<number, Meaning>> = {
  301: otherRegion,
  307: byCode['TemporaryRedirect']!,
  401: badKeys,
  403: byCode['AccessDenied']!,
  404: { code: 'invalid', says: 'the server answers, but not as S3 does', hint: 'check the endpoint' },
  405: byCode['MethodNotAllowed']!,
  409: overloaded,
  412: lost,
  416: byCode['InvalidRange']!,
  429: overloaded,
  501: byCode['NotImplemented']!,
  503: overloaded,
}

const badCertificate: Meaning = {
  code: 'denied',
  says: "the server's certificate is not trusted",
  hint: 'where this machine trusts it, set NODE_USE_SYSTEM_CA=1; else name the authority that signed it in NODE_EXTRA_CA_CERTS, or correct the endpoint',
}

/** By the error number of a connection. What is not listed here and has no status is trouble on the way: `unavailable`. */
const byErrno: Readonly<Record<string, Meaning>> = {
  ECONNREFUSED: { code: 'unavailable', says: 'nothing listens there', hint: 'check the endpoint, and that the server runs' },
  ENOTFOUND: {
    code: 'unavailable',
    says: 'no such host',
    hint: 'check the endpoint and the region; `path_style = true` where BUCKET.host does not resolve',
  },
  CERT_HAS_EXPIRED: badCertificate,
  DEPTH_ZERO_SELF_SIGNED_CERT: badCertificate,
  SELF_SIGNED_CERT_IN_CHAIN: badCertificate,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: badCertificate,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: badCertificate,
  ERR_TLS_CERT_ALTNAME_INVALID: badCertificate,
}

export const noCredentials: Meaning = {
  code: 'denied',
  says: 'no credentials were found',
  hint: 'set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile of ~/.aws in the store',
}

/** What the SDK tells about an answer, as far as it is there. */
interface Answer {
  readonly name?: string
  readonly code?: string
  readonly $metadata?: { readonly httpStatusCode?: number }
  readonly $response?: { readonly headers?: Readonly<Record<string, string>> }
}

export interface Circumstances {
  /** `s3://bucket/key`. */
  readonly at: string
  /** A verb and what it is done to, as in `cannot …`. */
  readonly doing: string
  readonly signal?: AbortSignal | undefined
  /** The request names the state that it wants to find. */
  readonly conditional?: boolean | undefined
  /** A HEAD: its answer has no body, so a bare 404 is all that it can say of an absent key. Any other bare 404 is not S3's. */
  readonly isHead?: boolean | undefined
}

/** Any error of the SDK or of a connection as a Fault. Only NoSuchKey, NoSuchUpload and a HEAD's NotFound become `not-found`. */
export function s3Fault(error: unknown, { at, doing, signal, conditional = false, isHead = false }: Circumstances): Fault {
  if (error instanceof Fault) return error
  if (signal?.aborted) return abortFault(signal)
  const answer: Answer = error instanceof Error ? error : {}
  const meaning = conditional && isLost(answer) ? lost : meaningOf(answer, isHead)
  return new Fault(meaning.code, `cannot ${doing} ${at}: ${meaning.says}`, {
    at,
    hint: regionHint(answer, meaning) ?? meaning.hint,
    cause: error,
    retryAfter: retryAfter(answer),
  })
}

/** The code that the server gave, such as NoSuchUpload; undefined where a fault did not come from a server. */
export function s3CodeOf(fault: unknown): string | undefined {
  return fault instanceof Fault && fault.cause instanceof Error ? fault.cause.name : undefined
}

/**
 * 412; 409 in all its names, where a race was lost while it ran (ConditionalRequestConflict, Ceph's
 * ConcurrentModification); and the absence of what was to be replaced.
 */
function isLost({ name, $metadata: { httpStatusCode: status } = {} }: Answer): boolean {
  return status === 412 || status === 409 || name === 'NoSuchKey'
}

function meaningOf(answer: Answer, isHead: boolean): Meaning {
  const status = answer.$metadata?.httpStatusCode
  if (isHead && status === 404) return byCode['NoSuchKey']!
  const known = own(byCode, answer.name) ?? (status === undefined || status < 300 ? undefined : byStatus[status])
  if (known !== undefined) return known
  if (answer.name === 'CredentialsProviderError' || answer.name === 'TokenProviderError') return noCredentials
  if (status === undefined) return own(byErrno, answer.code) ?? { code: 'unavailable', says: 'the connection failed' }
  if (status < 300) return { code: 'unavailable', says: 'the answer cannot be read' }
  return status >= 500 ? failing : { code: 'invalid', says: `the server refuses it (${status})` }
}

function own(table: Readonly<Record<string, Meaning>>, name: string | undefined): Meaning | undefined {
  return name !== undefined && Object.hasOwn(table, name) ? table[name] : undefined
}

function regionHint(answer: Answer, meaning: Meaning): string | undefined {
  const region = meaning === otherRegion ? answer.$response?.headers?.['x-amz-bucket-region'] : undefined
  return region === undefined ? undefined : `set the region of the store to ${region}`
}

/** Seconds, or a date: that one counts from the server's own clock (RFC 9110, 10.2.3). */
function retryAfter(answer: Answer): number | undefined {
  const headers = answer.$response?.headers
  const text = headers?.['retry-after']
  if (text === undefined) return undefined
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.parse(headers?.['date'] ?? '')
  return Number.isNaN(ms) ? undefined : Math.max(0, ms)
}
