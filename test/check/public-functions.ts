import path from 'node:path'
import type { Source } from './house.ts'

/** Functions that the faces export and that promise nothing in a comment, as `file: name`. */
export function uncommentedFunctions(sources: readonly Source[], faces: readonly string[]): string[] {
  const texts = new Map(sources.map(({ file, text }) => [file, text]))
  const found = faces.flatMap((face) => exportsOf(texts, face))
  return [
    ...new Set(found.filter(({ file, name }) => isUncommented(texts.get(file) ?? '', name)).map(({ file, name }) => `${file}: ${name}`)),
  ]
}

interface Exported {
  /** Where it is declared. */
  readonly file: string
  readonly name: string
}

function exportsOf(texts: ReadonlyMap<string, string>, file: string): Exported[] {
  const text = texts.get(file) ?? ''
  const here = [...text.matchAll(/^export (?:async )?function\*? (\w+)/gm)].map(([, name]) => ({ file, name: name! }))
  const elsewhere = [...text.matchAll(/^export \{([^}]*)\} from '(\.[^']+)'/gm)].flatMap(([, names, from]) => {
    const target = path.posix.join(path.posix.dirname(file), from!)
    const wanted = new Set(names!.split(',').map((name) => name.trim().split(' as ')[0]!))
    return exportsOf(texts, target).filter(({ name }) => wanted.has(name))
  })
  return [...here, ...elsewhere]
}

function isUncommented(text: string, name: string): boolean {
  const [before, declaration] = text.split(new RegExp(`^export (?:async )?function\\*? ${name}\\b`, 'm'))
  return declaration !== undefined && !before!.trimEnd().endsWith('*/')
}
