// The unmodified Node SDK against a running Tunewright: files, jobs, events and chat. Prints one JSON line at the end.
import assert from "node:assert/strict";
import fs from "node:fs";
import OpenAI, { NotFoundError } from "openai";

const [baseURL, trainingPath] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey: "any", maxRetries: 0 });

async function collect(page, limit = 1000) {
  const found = [];
  for await (const item of page) {
    found.push(item);
    if (found.length >= limit) break;
  }
  return found;
}

async function files() {
  const file = await client.files.create({ file: fs.createReadStream(trainingPath), purpose: "fine-tune" });
  assert.match(file.id, /^file-/);
  assert.equal(file.bytes, fs.statSync(trainingPath).size);
  await client.files.waitForProcessing(file.id, { pollInterval: 100 });
  assert.equal((await client.files.retrieve(file.id)).status, "processed");
  const content = await client.files.content(file.id);
  assert.equal(await content.text(), fs.readFileSync(trainingPath, "utf8"));
  assert.ok((await collect(client.files.list({ purpose: "fine-tune" }))).some((each) => each.id === file.id));
  return file;
}

async function job(trainingFile) {
  const created = await client.fineTuning.jobs.create({
    model: "tunewright-tiny",
    training_file: trainingFile,
    method: { type: "supervised", supervised: { hyperparameters: { n_epochs: 3, batch_size: 8 } } },
    seed: 5,
    metadata: { from: "node" },
  });
  assert.match(created.id, /^ftjob-/);
  let current = created;
  for (let tries = 0; tries < 600 && !["succeeded", "failed", "cancelled"].includes(current.status); tries += 1) {
    current = await client.fineTuning.jobs.retrieve(created.id, { headers: { Prefer: "wait=1" } });
  }
  assert.equal(current.status, "succeeded", JSON.stringify(current.error));
  return current;
}

async function history(jobId) {
  const events = await collect(client.fineTuning.jobs.listEvents(jobId, { limit: 5 }));
  assert.ok(events.some((event) => event.type === "metrics" && event.data.train_loss > 0));
  assert.equal(new Set(events.map((event) => event.id)).size, events.length);
  const checkpoints = await collect(client.fineTuning.jobs.checkpoints.list(jobId));
  assert.equal(checkpoints.length, 3);
  return events.length;
}

async function chat(model) {
  const messages = [{ role: "user", content: "I think my card was stolen, please help me." }];
  const whole = await client.chat.completions.create({ model, messages, temperature: 0 });
  const stream = await client.chat.completions.create({ model, messages, temperature: 0, stream: true });
  let text = "";
  for await (const chunk of stream) text += chunk.choices[0]?.delta?.content ?? "";
  assert.equal(text, whole.choices[0].message.content);
  return text;
}

const file = await files();
const done = await job(file.id);
const events = await history(done.id);
const answer = await chat(done.fine_tuned_model);
const second = await client.fineTuning.jobs.create({ model: "tunewright-tiny", training_file: file.id });
await client.fineTuning.jobs.cancel(second.id);
assert.ok((await collect(client.fineTuning.jobs.list({ limit: 1 }), 2)).length === 2);
await assert.rejects(client.fineTuning.jobs.retrieve("ftjob-none"), NotFoundError);
await client.files.delete(file.id);
console.log(JSON.stringify({ job: done.id, events, answer }));
