export { default } from '../src/setup.ts'
