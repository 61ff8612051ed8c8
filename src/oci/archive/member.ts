import type { Bytes, Digest } from '../../kit/index.ts'
import type { LayerForm } from '../model/media-types.ts'
import type { ImageDescriptor } from '../model/descriptor.ts'

export type ArchiveMember = ArchiveLayer | ArchiveContents

/** A layer, or any other blob that is not a small JSON document, as it comes. */
export interface ArchiveLayer {
  readonly kind: 'layer'
  readonly name: string
  /** Bytes as they are in the archive. */
  readonly size: number
  readonly form: LayerForm
  /**
   * What the name says of the bytes, or for `diffId` of the bytes without compression. Whoever leaves a layer unread since it is elsewhere
   * already may take it at its word for so long: the archive is read on, and where the name lies it throws `corrupt`.
   */
  readonly named?: { readonly digest: Digest } | { readonly diffId: Digest } | undefined
  /** Once, and before the next member is asked for, which reads and checks what is left. */
  readonly content: Bytes
  /** What the content is, once it was read to its end; `bug` before. */
  readonly facts: () => Omit<LayerFacts, 'offset'>
}

/** The last member: what all of it means. Every digest in it was checked against the bytes. */
export interface ArchiveContents {
  readonly kind: 'contents'
  /** Of `manifest.json`, where there is one. */
  readonly images: readonly ArchivedImage[]
  /** Of `index.json`, where there is one: what they reach is among documents and layers, except foreign layers and images within an index that were not saved. */
  readonly index?: readonly ImageDescriptor[] | undefined
  /** Configs, manifests and all else of small JSON documents. */
  readonly documents: ReadonlyMap<Digest, Uint8Array>
  readonly layers: ReadonlyMap<Digest, LayerFacts>
}

/** An image as `docker save` keeps it, without a manifest of its own. */
export interface ArchivedImage {
  /** `name:tag`, as it was saved; none where only its id was asked for. */
  readonly names: readonly string[]
  readonly config: Digest
  /** From the lowest up, in the order of the config's `diff_ids`, which they were compared with. */
  readonly layers: readonly LayerFacts[]
}

/** A layer after it was read. */
export interface LayerFacts {
  /** Of the bytes as they are in the archive. */
  readonly digest: Digest
  readonly size: number
  readonly form: LayerForm
  /** Of the bytes without compression. */
  readonly diffId: Digest
  /** Bytes of the archive, without its own compression, before the layer. */
  readonly offset: number
}

/** What is known of a member by its name. */
export type SeenMember =
  | { readonly kind: 'document'; readonly digest: Digest; readonly bytes: Uint8Array }
  | { readonly kind: 'layer'; readonly facts: LayerFacts }

export interface SeenArchive {
  readonly members: ReadonlyMap<string, SeenMember>
  readonly links: ReadonlyMap<string, string>
}
