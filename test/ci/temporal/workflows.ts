export { pointWorkflow } from './point-workflow.ts';
export { studyWorkflow } from './study-workflow.ts';
