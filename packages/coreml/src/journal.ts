import type { SilaneError } from '@silane/core'
import { errors } from './errors.ts'
import { MAX_FINDINGS } from './limits.ts'

/** One thing that is wrong, or odd, with a package. */
export interface Finding {
  /**
   * An error makes the package unusable; what is unsupported may be right, and cannot be read here; a warning is something that Core
   * ML is reported to handle badly.
   */
  readonly severity: 'error' | 'unsupported' | 'warning'
  readonly code: string
  readonly what: string
  readonly where: string | undefined
  readonly next: string | undefined
}

/** Codes of what Core ML takes and this reader does not. */
const unsupported: ReadonlySet<string> = new Set([
  'E_COMPRESSED',
  'E_FLEXIBLE',
  'E_MODEL_KIND',
  'E_OP_UNKNOWN',
  'E_PACKAGE_UNSUPPORTED',
  'E_SPEC_VERSION',
  'E_UNKNOWN_FIELD',
] satisfies (keyof typeof errors)[])

/** Thrown where the journal of a check is full: there is nobody for whom to go on. It is no SilaneError, so that no step takes it for its own. */
export class JournalFull extends Error {}

/**
 * Where the checks of a package report. Reading stops at the first error; checking writes everything down and
 * goes on as far as it can, so that a person who repairs a package sees all of it at once. After MAX_FINDINGS it says so and ends with
 * JournalFull.
 */
export class Journal {
  readonly findings: Finding[] = []
  readonly #strict: boolean

  constructor(mode: 'stop' | 'collect') {
    this.#strict = mode === 'stop'
  }

  error(error: SilaneError): undefined {
    if (this.#strict) throw error
    this.#note(unsupported.has(error.code) ? 'unsupported' : 'error', error)
  }

  warn(error: SilaneError): undefined {
    this.#note('warning', error)
  }

  #note(severity: Finding['severity'], { code, what, where, next }: SilaneError): undefined {
    this.findings.push({ severity, code, what, where, next })
    if (this.findings.length < MAX_FINDINGS - 1) return
    const { code: last, what: why } = errors.E_FINDINGS({ limit: MAX_FINDINGS })
    // What was not looked at may be broken.
    this.findings.push({ severity: 'error', code: last, what: why, where: undefined, next: undefined })
    throw new JournalFull(why)
  }
}
