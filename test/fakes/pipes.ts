import { execFileSync } from 'node:child_process'
import { createReadStream, mkdtempSync } from 'node:fs'
import path from 'node:path'

/** So many pipes with names, in a new folder. */
export function makePipes(scratch: string, count: number): string[] {
  const folder = mkdtempSync(path.join(scratch, 'pipes-'))
  const pipes = Array.from({ length: count }, (_pipe, at) => path.join(folder, String(at)))
  execFileSync('mkfifo', pipes)
  return pipes
}

/** What is said on a pipe, until nobody has it open any more: until whoever said it has ended. `first` is called at the first words. */
export async function listenOn(pipe: string, first: () => void = () => undefined): Promise<string> {
  let text = ''
  for await (const piece of createReadStream(pipe, 'utf8')) {
    if (text === '') first()
    text += String(piece)
  }
  return text
}
