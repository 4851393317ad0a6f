import { generationConformance } from '@silane/testkit'
import t5 from '../src/index.ts'

generationConformance(t5, { root: new URL('..', import.meta.url) })
