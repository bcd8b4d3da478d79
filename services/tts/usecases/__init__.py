"""What tts does, one function per verb: for who listens (`speech`), for jobs (`jobs`), and of providers (`voices`)."""
