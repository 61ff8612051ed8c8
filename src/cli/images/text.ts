import path from 'node:path'

/** A path as people would write it here. */
export function relativeTo(cwd: string, file: string): string {
  const relative = path.relative(cwd, file)
  return relative === '' || relative.startsWith('..') ? file : relative
}

/** The step that comes next, as it has to be typed after one with this `--downloads-dir`, if it had one. */
export function nextStep(step: string, tag: string, downloadsDir: string | undefined): string {
  if (downloadsDir === undefined) return `next: holdfast images ${step} ${tag}`
  const folder = /^[\w./-]+$/.test(downloadsDir) ? downloadsDir : `'${downloadsDir.replaceAll("'", String.raw`'\''`)}'`
  return `next: holdfast images ${step} ${tag} --downloads-dir ${folder}`
}
