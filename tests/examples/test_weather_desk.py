"""The emulator in unittest: one server for the class, an empty project for each test."""

import unittest

from assistants_emulator import Emulator


class WeatherDesk(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.emulator = cls.enterClassContext(Emulator())

    def setUp(self):
        self.project = self.emulator.project(self.id())
        self.client = self.project.client()
        self.addCleanup(self.client.close)

    def test_it_answers(self):
        self.project.respond("It is sunny.")
        assistant = self.client.beta.assistants.create(model="gpt-4o")
        run = self.client.beta.threads.create_and_run_poll(
            assistant_id=assistant.id, thread={"messages": [{"role": "user", "content": "And the weather?"}]}
        )
        self.assertEqual(run.status, "completed")
        self.assertIn("assistant: It is sunny.", self.project.transcript(run.thread_id))
        self.project.requests.where(method="POST", path="/threads/runs").one()


if __name__ == "__main__":
    unittest.main()
