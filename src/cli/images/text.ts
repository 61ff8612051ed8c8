import path from 'node:path'

/** A path as people would write it here. */
export function relativeTo(cwd: string, file: string): string {
  const relative = path.relative(cwd, file)
  return relative === '' || relative.startsWith('..') ? file : relative
}
