# The web page and the HTTP API in a container; docs/serving.md explains how to use it.
FROM python:3.12-slim
COPY . /src
RUN pip install --no-cache-dir /src && rm -r /src
RUN useradd --create-home --uid 1000 dalip && install --directory --owner dalip /data
USER dalip
ENV DALIP_DATA_DIR=/data
VOLUME /data
EXPOSE 7860
# Any status below 500 is healthy, because a page may require a password.
HEALTHCHECK --start-period=60s CMD ["python", "-c", "from http.client import HTTPConnection as C; c = C('127.0.0.1', 7860, timeout=9); c.request('GET', '/health'); raise SystemExit(c.getresponse().status >= 500)"]
ENTRYPOINT ["dalip", "serve", "--host", "0.0.0.0"]
