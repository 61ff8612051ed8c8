import { asFault, type Fault } from '../../kit/index.ts'

/** Something that could not be dealt with, while the rest went on. */
export interface Problem {
  /** For people: a path below the root. */
  readonly path: string
  readonly message: string
}

export interface Problems {
  add(path: string, trouble: unknown): void
  readonly count: number
  /** The first thousand, in the order of their paths. */
  list(): Problem[]
}

const listed = 1000

export function collectProblems(): Problems {
  const found: Problem[] = []
  let count = 0
  return {
    add(path, trouble) {
      const fault: Fault = asFault(trouble)
      // A fault of ours, or a command that was stopped, is no property of a file.
      if (fault.code === 'bug' || fault.code === 'aborted') throw fault
      count++
      if (found.length < listed) found.push({ path, message: fault.message })
    },
    get count() {
      return count
    },
    list: () => found.toSorted((a, b) => (a.path < b.path ? -1 : 1)),
  }
}
