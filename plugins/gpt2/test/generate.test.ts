import { generationConformance } from '@silane/testkit'
import gpt2 from '../src/index.ts'

generationConformance(gpt2, { root: new URL('..', import.meta.url) })
