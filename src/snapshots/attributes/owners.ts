import { Fault } from '../../kit/index.ts'
import type { AccountCalls } from '../../kit/sys/index.ts'
import type { GivenAttributes } from './attributes.ts'

/** The names of users and groups, each asked for once. A look-up that failed fails again the same way, at no cost. */
export function rememberOwners(accounts: AccountCalls): AccountCalls {
  return {
    userName: remembered(accounts.userName),
    groupName: remembered(accounts.groupName),
    userId: remembered(accounts.userId),
    groupId: remembered(accounts.groupId),
  }
}

/** Whom an entry belongs to on this machine: whoever has the recorded name here, otherwise the recorded number. */
export function ownerHere(
  { uid, gid, user, group }: GivenAttributes,
  accounts: AccountCalls,
): { readonly uid: number; readonly gid: number } {
  return {
    uid: user === '' || accounts.userName(uid) === user ? uid : (accounts.userId(user) ?? uid),
    gid: group === '' || accounts.groupName(gid) === group ? gid : (accounts.groupId(group) ?? gid),
  }
}

function remembered<Key, Value>(ask: (key: Key) => Value): (key: Key) => Value {
  const answers = new Map<Key, Answer<Value>>()
  return (key) => {
    let answer = answers.get(key)
    if (answer === undefined) {
      answer = answerOf(ask, key)
      answers.set(key, answer)
    }
    if ('fault' in answer) throw answer.fault
    return answer.value
  }
}

type Answer<Value> = { readonly value: Value } | { readonly fault: Fault }

function answerOf<Key, Value>(ask: (key: Key) => Value, key: Key): Answer<Value> {
  try {
    return { value: ask(key) }
  } catch (error) {
    if (error instanceof Fault) return { fault: error }
    throw error
  }
}
