import type { HttpClient } from '../../kit/http/index.ts'
import type { Bytes, Clock, Digest, Report } from '../../kit/index.ts'
import type { ResumeMemo, Signal } from '../../store/index.ts'
import type { RegistryCredential } from '../credentials/credential.ts'

/** A manifest or an index, byte for byte as it is stored: its digest is of these bytes. */
export interface StoredManifest {
  readonly bytes: Uint8Array
  readonly digest: Digest
  readonly mediaType: string
}

/** What is known of a manifest without its bytes. */
export interface ManifestHead {
  readonly digest: Digest
  readonly mediaType: string
  readonly size: number
}

/** What points at content: image-spec 1.1, descriptor.md. */
export interface Descriptor {
  readonly mediaType: string
  readonly digest: Digest
  readonly size: number
  readonly artifactType?: string | undefined
  readonly annotations?: Readonly<Record<string, string>> | undefined
}

export interface RegistryOptions {
  /** `host` or `host:port`, as an `ImageName` has it. */
  readonly host: string
  readonly http: HttpClient
  readonly credentials: (host: string, signal?: AbortSignal) => Promise<RegistryCredential | undefined>
  /** Speaks HTTP without TLS. A registry of this machine is asked which of both it speaks. */
  readonly isPlain?: boolean | undefined
  readonly clock: Clock
  /** A number in [0, 1). */
  readonly random: () => number
  readonly report?: Report | undefined
}

export interface PutBlobOptions extends Signal {
  /** For a body that can be rewound: an upload that was interrupted goes on where the registry still has its beginning. */
  readonly resume?: ResumeMemo | undefined
}

export interface OpenUploadOptions extends Signal {
  /** What a chunk is to have, where the registry does not want more. */
  readonly chunkBytes?: number | undefined
}

/** Content whose digest is known only at its end, sent as it comes. One call at a time. */
export interface Upload {
  /** Bytes that the registry has confirmed. */
  readonly offset: number
  /** Bytes that one `write` should have, except the last: what the registry wants, and what a break may have to send again. */
  readonly chunkBytes: number
  /** Resolves when the registry has the chunk. One that breaks off is sent again; `precondition` where the registry has lost what came before. */
  write(chunk: Uint8Array, o?: Signal): Promise<void>
  /** The registry compares the digest and makes it a blob; `corrupt` where it has another. */
  finish(digest: Digest, o?: Signal): Promise<void>
  /** Lets the registry forget it; trouble with that is not told, since registries purge uploads themselves. */
  cancel(o?: Signal): Promise<void>
}

/**
 * One registry of OCI's distribution-spec 1.1. What it answers is checked: a digest that is not of the bytes is `corrupt`, also where a header
 * says it. `not-found` is only what the registry says that it does not have; `denied` names the credentials that were used.
 */
export interface Registry {
  readonly host: string
  /** That it is there, speaks this protocol and lets in who asks. */
  ping(o?: Signal): Promise<void>
  /** By tag or digest, up to 4 MiB. */
  manifest(repository: string, reference: string, o?: Signal): Promise<StoredManifest>
  headManifest(repository: string, reference: string, o?: Signal): Promise<ManifestHead | undefined>
  /** Under a tag or its digest. Where it has a subject and the registry keeps no referrers, the fallback tag gets it too. */
  putManifest(repository: string, reference: string, manifest: Pick<StoredManifest, 'bytes' | 'mediaType'>, o?: Signal): Promise<Digest>
  deleteManifest(repository: string, digest: Digest, o?: Signal): Promise<void>
  deleteTag(repository: string, tag: string, o?: Signal): Promise<void>
  headBlob(repository: string, digest: Digest, o?: Signal): Promise<{ readonly size: number } | undefined>
  /** Verified as it streams; a download that breaks off goes on. Can be rewound, which asks again. To be read, or else it holds a connection. */
  blob(repository: string, digest: Digest, size?: number, o?: Signal): Promise<Bytes>
  /** Whether the registry took the blob over from another of its repositories. */
  mountBlob(repository: string, digest: Digest, from: string, o?: Signal): Promise<boolean>
  /** A small body in one piece, others in chunks. The registry compares the digest: `corrupt` where the body has another. */
  putBlob(repository: string, digest: Digest, body: Bytes, o?: PutBlobOptions): Promise<void>
  openUpload(repository: string, o?: OpenUploadOptions): Promise<Upload>
  /** In the registry's order; `not-found` where there is no such repository. */
  tags(repository: string, o?: Signal): AsyncIterable<string>
  /** What names this manifest its subject: from the referrers API, or the fallback tag where the registry has none. */
  referrers(repository: string, digest: Digest, o?: Signal): AsyncIterable<Descriptor>
}
