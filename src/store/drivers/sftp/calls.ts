import {
  type Attributes,
  brokenProtocol,
  type Cursor,
  type Field,
  type PacketKind,
  packetKinds,
  readAttributes,
  statuses,
  timeFields,
} from './packet.ts'
import type { Reply, Session } from './session.ts'

/** The server said no. A value and not an error: many requests are under way at once, and each answer is looked at in its turn. */
export interface Refusal {
  readonly refused: number
  readonly says: string
}

export type Answer<T> = T | Refusal

export function isRefusal(answer: unknown): answer is Refusal {
  return typeof answer === 'object' && answer !== null && 'refused' in answer
}

/** What is absent is undefined; every other refusal stays one. Only SSH_FX_NO_SUCH_FILE says that something is absent. */
export function orAbsent<T>(answer: Answer<T>): Answer<T | undefined> {
  return isRefusal(answer) && answer.refused === statuses.noSuchFile ? undefined : answer
}

/** The end of a file or directory is undefined. */
function orEnded<T>(answer: Answer<T>): Answer<T | undefined> {
  return isRefusal(answer) && answer.refused === statuses.eof ? undefined : answer
}

export type Handle = Buffer

export interface Named {
  readonly name: Buffer
  readonly attributes: Attributes
}

/** What a server can beyond version 3 of the protocol, as it announced. */
export interface Extensions {
  readonly posixRename: boolean
  readonly hardlink: boolean
  readonly fsync: boolean
  readonly statvfs: boolean
  readonly limits: boolean
}

export interface Space {
  readonly isFull: boolean
  readonly isReadOnly: boolean
}

type Asked = Parameters<Session['ask']>[2]

const reading = 1
const creating = { write: 2, create: 8, exclusive: 32 }

/** The requests of SFTP that a store needs, one function each; each sends one packet, in the order of the calls. Their answers may end unheard. */
export type Calls = ReturnType<typeof callsOf>

export function callsOf(session: Pick<Session, 'ask'>) {
  const ask = <T>(read: (reply: Reply) => Answer<T>, kind: PacketKind, fields: readonly Field[], options?: Asked): Promise<Answer<T>> => {
    const answer = session.ask(kind, fields, options).then((reply) => refusalIn(reply) ?? read(reply))
    answer.catch(() => undefined)
    return answer
  }
  const done = (kind: PacketKind, fields: readonly Field[], options?: Asked) => ask(() => true as const, kind, fields, options)
  const extended = (name: string, ...fields: Field[]) => done('EXTENDED', [name, ...fields], { name: shortened(name) })
  const attributes = (kind: PacketKind, subject: Field) => ask((reply) => readAttributes(expect(reply, 'ATTRS')), kind, [subject])
  const handle = (kind: PacketKind, fields: readonly Field[]) => ask(handleIn, kind, fields)
  return {
    lstat: (path: string) => attributes('LSTAT', path),
    stat: (path: string) => attributes('STAT', path),
    fstat: (file: Handle) => attributes('FSTAT', file),
    setTime: (path: string, modified: number) => done('SETSTAT', [path, ...timeFields(modified)]),
    openForReading: (path: string) => handle('OPEN', [path, reading, 0]),
    openNew: (path: string) => handle('OPEN', [path, creating.write | creating.create | creating.exclusive, 0]),
    openDirectory: (path: string) => handle('OPENDIR', [path]),
    close: (file: Handle) => done('CLOSE', [file]),
    /** Fewer bytes than were asked for where the server gives no more at once, or the file ends there; undefined at its end. */
    read: (file: Handle, position: number, length: number) =>
      ask((reply) => dataIn(reply, length), 'READ', [file, BigInt(position), length], { weight: length }).then(orEnded),
    write: (file: Handle, position: number, data: Uint8Array) => done('WRITE', [file, BigInt(position), data], { weight: data.byteLength }),
    /** Some of a directory's entries; undefined where there are no more. */
    readDirectory: (directory: Handle) => ask(entriesIn, 'READDIR', [directory]).then(orEnded),
    remove: (path: string) => done('REMOVE', [path]),
    makeDirectory: (path: string) => done('MKDIR', [path, 0]),
    removeDirectory: (path: string) => done('RMDIR', [path]),
    rename: (from: string, to: string) => done('RENAME', [from, to]),
    /** OpenSSH's server, and those that follow it, take the two the other way round than section 6.10 says. */
    symlink: (target: string, link: string) => done('SYMLINK', [target, link]),
    posixRename: (from: string, to: string) => extended('posix-rename@openssh.com', from, to),
    hardlink: (existing: string, link: string) => extended('hardlink@openssh.com', existing, link),
    fsync: (file: Handle) => extended('fsync@openssh.com', file),
    limits: () => ask(limitsIn, 'EXTENDED', ['limits@openssh.com'], { name: 'limits' }),
    space: (path: string) => ask(spaceIn, 'EXTENDED', ['statvfs@openssh.com', path], { name: 'statvfs' }),
  }
}

export function extensionsOf({ extensions }: Session): Extensions {
  return {
    posixRename: extensions.get('posix-rename@openssh.com') === '1',
    hardlink: extensions.get('hardlink@openssh.com') === '1',
    fsync: extensions.get('fsync@openssh.com') === '1',
    statvfs: extensions.get('statvfs@openssh.com') === '2',
    limits: extensions.get('limits@openssh.com') === '1',
  }
}

function refusalIn({ kind, body }: Reply): Refusal | undefined {
  if (kind !== packetKinds.STATUS) return undefined
  const refused = body.number()
  if (refused === statuses.ok) return undefined
  return { refused, says: body.left > 0 ? printable(body.bytes()) : '' }
}

function expect({ kind, body }: Reply, wanted: PacketKind): Cursor {
  if (kind === packetKinds[wanted]) return body
  throw brokenProtocol(`an answer of kind ${kind} where ${wanted} belongs`)
}

function handleIn(reply: Reply): Handle {
  const given = expect(reply, 'HANDLE').bytes()
  // Section 3: "The length of the handle string MUST NOT exceed 256 data bytes."
  if (given.byteLength > 256) throw brokenProtocol(`a handle of ${given.byteLength} bytes`)
  return Buffer.from(given)
}

function dataIn(reply: Reply, length: number): Buffer {
  const data = expect(reply, 'DATA').bytes()
  if (data.byteLength > 0 && data.byteLength <= length) return data
  throw brokenProtocol(`${data.byteLength} bytes where ${length} were asked for`)
}

function limitsIn(reply: Reply): { packet: number; read: number; write: number } {
  const body = expect(reply, 'EXTENDED_REPLY')
  return { packet: Number(body.long()), read: Number(body.long()), write: Number(body.long()) }
}

function spaceIn(reply: Reply): Space {
  const body = expect(reply, 'EXTENDED_REPLY')
  // The fields of statvfs(3), of which the first four are block sizes and counts.
  const [, , , , available, files, , spare, , flag] = Array.from({ length: 11 }, () => body.long())
  return { isFull: available === 0n || (files! > 0n && spare === 0n), isReadOnly: (flag! & 1n) === 1n }
}

function entriesIn(reply: Reply): Named[] {
  const body = expect(reply, 'NAME')
  const count = body.number()
  // Each takes twelve bytes at least, so that a lie about their number ends with the packet.
  if (count === 0) throw brokenProtocol('a part of a directory without an entry')
  const entries: Named[] = []
  while (entries.length < count) {
    const name = Buffer.from(body.bytes())
    body.bytes()
    entries.push({ name, attributes: readAttributes(body) })
  }
  return entries
}

function shortened(extension: string): string {
  return extension.slice(0, extension.indexOf('@'))
}

/** A server's words, which may be anything. */
function printable(words: Buffer): string {
  return words
    .toString('utf8')
    .slice(0, 200)
    .replaceAll(/\p{Cc}/gu, ' ')
}
