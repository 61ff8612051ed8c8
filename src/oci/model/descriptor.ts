import * as v from 'valibot'
import { type Digest, isDigest, type Shape } from '../../kit/index.ts'
import type { Descriptor } from '../registry/registry.ts'
import type { Platform } from './platform.ts'

/** A descriptor with what an index says of the image behind it. */
export interface ImageDescriptor extends Descriptor {
  readonly platform?: Platform | undefined
}

const mediaType = v.pipe(v.string(), v.regex(/^[A-Za-z0-9][\w!#$&^.+-]{0,126}\/[A-Za-z0-9][\w!#$&^.+-]{0,126}$/, 'not a media type'))

export const annotationsShape = v.record(v.string(), v.string())

const mayBeEmpty = v.optional(
  v.pipe(
    v.string(),
    v.transform((text) => text || undefined),
  ),
)

/** RFC 6838 names a type; of the algorithms of the specification only SHA-256 is spoken here, and it is what all registries speak. */
export const descriptorShape: Shape<ImageDescriptor> = v.object({
  mediaType,
  digest: v.custom<Digest>(isDigest, 'not a digest of SHA-256'),
  size: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  artifactType: v.optional(v.string()),
  annotations: v.optional(annotationsShape),
  platform: v.optional(
    v.object({
      os: v.string(),
      architecture: v.string(),
      variant: mayBeEmpty,
      'os.version': mayBeEmpty,
    }),
  ),
})
