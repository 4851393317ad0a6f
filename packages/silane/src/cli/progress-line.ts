import type { Progress } from '../convert/convert-options.ts'
import { style } from './terminal.ts'

/** Redraws per second: more would cost time and flicker. */
const RATE = 10

/** One line on a terminal that says what is going on; nothing where stderr is a file or a pipe. */
export interface ProgressLine {
  readonly show: (progress: Progress) => void
  /** A line that stays. */
  readonly note: (text: string) => void
  readonly clear: () => void
}

export function progressLine(stream: NodeJS.WriteStream = process.stderr): ProgressLine {
  let drawn = 0
  let step = ''
  const clear = () => {
    if (drawn > 0) stream.write('\r\x1b[K')
    drawn = 0
  }
  return {
    show: progress => {
      const now = performance.now()
      if (!stream.isTTY || (progress.step === step && now - drawn < 1000 / RATE)) return
      step = progress.step
      const percent = progress.fraction === undefined ? '' : ` ${Math.round(progress.fraction * 100)} %`
      const text = `${step}${percent}`.slice(0, (stream.columns ?? 80) - 3)
      stream.write(`\r\x1b[K${style('dim', `… ${text}`, stream)}`)
      drawn = now
    },
    note: text => {
      clear()
      stream.write(`${text}\n`)
    },
    clear,
  }
}
