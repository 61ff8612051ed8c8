import { collect, Fault } from '../../kit/index.ts'
import type { Signal } from '../../store/index.ts'
import { maxConfigBytes } from '../model/config.ts'
import type { ImageSource } from '../model/image-source.ts'
import type { Descriptor } from '../registry/registry.ts'

/** A blob that is known to be small, such as a config, whole. */
export async function readSmallBlob(source: ImageSource, descriptor: Descriptor, o?: Signal): Promise<Uint8Array> {
  const { digest, size } = descriptor
  if (size > maxConfigBytes) {
    throw new Fault('corrupt', `the config ${digest} of ${size} bytes is larger than its limit of ${maxConfigBytes}`, { at: source.name })
  }
  return await collect(await source.blob(descriptor, o), maxConfigBytes, `the config ${digest}`)
}
