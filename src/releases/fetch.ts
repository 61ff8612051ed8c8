import path from 'node:path'
import { type Digest, Fault } from '../kit/index.ts'
import { blobKey } from '../chunks/index.ts'
import { downloadFile } from '../transfer/index.ts'
import type { ReleaseContext } from './context.ts'
import { filesOf, needVariant, select, type Selected, type Selector } from './find.ts'
import type { Product } from './product.ts'
import type { ReleaseFile } from './record.ts'

export interface FetchOptions {
  readonly selector: Selector
  /** A file for a release of one file, a directory for one of several. An existing directory is always filled. */
  readonly output: string
  readonly outputIsDirectory: boolean
  /** Replace files that exist with other content. */
  readonly force?: boolean | undefined
}

export interface FetchedFile {
  readonly path: string
  readonly to: string
  readonly size: number
  readonly digest: Digest
  /** It was there already, byte for byte. */
  readonly unchanged: boolean
}

/** The files of a release, and which one it is: one request, and one more where it has very many files. */
export async function findFiles(
  context: Pick<ReleaseContext, 'store' | 'signal'>,
  product: Product,
  variant: string,
  selector: Selector,
): Promise<{ readonly selected: Selected; readonly files: readonly ReleaseFile[] }> {
  const { ref } = await needVariant(context, product, variant)
  const selected = select(ref, selector)
  return { selected, files: await filesOf(context, selected) }
}

/** Brings a release here: in parallel ranges, resumed after a break, verified before it has its name. */
export async function fetchRelease(
  context: ReleaseContext,
  product: Product,
  variant: string,
  options: FetchOptions,
): Promise<{ readonly selected: Selected; readonly files: readonly FetchedFile[] }> {
  const { selected, files } = await findFiles(context, product, variant, options.selector)
  if (files.length > 1 && !options.outputIsDirectory) {
    throw new Fault('invalid', `the release has ${files.length} files and the output is one`, {
      at: options.output,
      hint: 'name a directory: --output DIR/',
    })
  }
  const fetched: FetchedFile[] = []
  for (const file of files) {
    const to = options.outputIsDirectory ? path.join(options.output, ...file.path.split('/')) : options.output
    const { size, digest, mode } = file
    const result = await downloadFile({
      from: context.store,
      key: blobKey(digest),
      size,
      digest,
      to,
      mode,
      force: options.force === true,
      report: context.report,
      signal: context.signal,
    })
    fetched.push({ path: file.path, to, size, digest, unchanged: result.unchanged })
  }
  return { selected, files: fetched }
}
