# The production image: web, workers and clock from the same files; compose.yaml says which is which.
# It talks to PostgreSQL, Redis and Exotel elsewhere; the embedded servers and the simulator are not in it.
FROM python:3.12-slim

# run: what production needs. embedded: that, the simulator, and a local voice (espeak-ng, GPL-3) for unrecorded messages.
ARG REQUIREMENTS=run

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 STATE_DIR=/state
WORKDIR /app

COPY requirements/run.txt requirements/embedded.txt requirements/
RUN pip install --no-cache-dir --no-deps --require-hashes --no-input --disable-pip-version-check \
      -r requirements/${REQUIREMENTS}.txt \
 && useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin dialer \
 && install -d -o dialer -g dialer -m 0700 /state

COPY manage.py ./
COPY dialer dialer
COPY campaigns campaigns
COPY botbridge botbridge
COPY templates templates
COPY static static

USER dialer
VOLUME /state
EXPOSE 8000
