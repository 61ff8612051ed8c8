import { Fault } from '../kit/index.ts'
import { type ImageName, parseImageName } from './reference.ts'

/** Where an image is, or is to go. */
export type Place =
  | { readonly kind: 'registry'; readonly name: ImageName }
  | { readonly kind: 'oci-layout'; readonly folder: string; readonly ref?: string | undefined }
  | { readonly kind: 'oci-archive' | 'docker-archive'; readonly file: string; readonly ref?: string | undefined }

/** `docker://NAME`, `oci:FOLDER[:REF]`, `oci-archive:FILE[:REF]` or `docker-archive:FILE[:REF]`, as skopeo writes them. Throws `invalid`. */
export function parsePlace(text: string): Place {
  if (text.startsWith('docker://')) return { kind: 'registry', name: parseImageName(text.slice('docker://'.length)) }
  const [, kind, rest] = /^(oci|oci-archive|docker-archive):(.*)$/s.exec(text) ?? []
  const shown = JSON.stringify(text.slice(0, 300))
  if (kind === undefined || rest === undefined) {
    throw new Fault('invalid', `not a place of images: ${shown}`, {
      hint: 'write docker://host/path:tag, oci:FOLDER:REF, oci-archive:FILE or docker-archive:FILE',
    })
  }
  // At the first colon: a ref has colons of its own, and a path with one cannot be written.
  const colon = rest.indexOf(':')
  const path = colon < 0 ? rest : rest.slice(0, colon)
  const ref = colon < 0 ? '' : rest.slice(colon + 1)
  if (path === '' || /\p{Cc}/u.test(rest)) throw new Fault('invalid', `not a place of images: ${shown}: it names no file`)
  const named = ref === '' ? {} : { ref }
  if (kind === 'oci') return { kind: 'oci-layout', folder: path, ...named }
  return { kind: kind === 'oci-archive' ? 'oci-archive' : 'docker-archive', file: path, ...named }
}
