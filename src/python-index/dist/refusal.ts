import { Fault, isFault } from '../../kit/index.ts'

/** What is found wrong while `read` looks at a file, with the file's place. */
export async function placed<T>(at: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (error) {
    if (!isFault(error, 'invalid') || error.at !== undefined) throw error
    throw new Fault('invalid', error.message, { at, hint: error.hint, cause: error.cause })
  }
}

/** A fault of the store says nothing about the file, whose own faults are `invalid`: one that is becomes `unavailable`. */
export function asTrouble(error: unknown, at: string): unknown {
  if (!isFault(error, 'invalid')) return error
  return new Fault('unavailable', `cannot read ${at}`, { at, hint: error.hint, cause: error })
}

/** A text from within a file, for a message: short, and harmless to a terminal. */
export function quoted(text: string): string {
  return JSON.stringify(text.length <= 100 ? text : `${text.slice(0, 97)}...`)
}
