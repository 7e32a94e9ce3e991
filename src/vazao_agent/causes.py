"""Causes in the language of the machine, each with what to do about it."""

from __future__ import annotations

from vazao_agent.errors import AgentError
from vazao_agent.texts import is_portuguese, said

REMEDIES = {
    "network_dns": ("Ask the network's administrator whether this machine may resolve names.",
                    "Pergunte a quem cuida da rede se esta máquina resolve nomes."),
    "network_connect": ("Let this machine reach the hub by HTTPS (port 443), outbound only.",
                        "Libere a saída desta máquina para o hub por HTTPS (porta 443)."),
    "network_tls": ("If a proxy reads the traffic, name its certificate with --ca FILE.",
                    "Se um proxy lê o tráfego, indique o certificado dele com --ca ARQUIVO."),
    "network_proxy": ("Set HTTPS_PROXY=http://user:password@host:port for the agent.",
                      "Defina HTTPS_PROXY=http://usuario:senha@servidor:porta para o agente."),
    "database_down": ("Is PostgreSQL running, and is the address right (--database)?",
                      "O PostgreSQL está em execução, e o endereço está certo (--database)?"),
    "database_login": ("Check user and password; the password is asked, or in PGPASSWORD.",
                       "Confira usuário e senha; a senha é perguntada, ou fica em PGPASSWORD."),
    "database_permission": ("Grant the role SELECT on the tables that the message names.",
                            "Conceda ao usuário SELECT nas tabelas que a mensagem indica."),
    "token_wrong": ("Make another one on the site's page: Move to a new computer.",
                    "Gere outro na página do local: Mudar para outro computador."),
    "clock_skew": ("Set the machine's clock.", "Acerte o relógio da máquina."),
    "disk_full": ("Free some room on the disk of the state folder.",
                  "Libere espaço no disco da pasta de estado."),
}
IN_PORTUGUESE = {
    "agent_stopped": "O agente foi parado.",
    "agent_state_lost": "O agente perdeu os seus arquivos, ou ainda não foi cadastrado aqui.",
    "network_dns": "O nome do hub não pode ser resolvido.",
    "network_connect": "O hub não pode ser alcançado.",
    "network_tls": "A conexão com o hub não é segura.",
    "network_proxy": "O proxy recusou a conexão.",
    "clock_skew": "O relógio desta máquina está errado.",
    "database_down": "O banco de dados não responde.",
    "database_login": "O banco de dados recusou o usuário ou a senha.",
    "database_permission": "O usuário do banco não pode ler o que a lista pede.",
    "schema_changed": "Falta uma tabela ou coluna que a lista pede.",
    "query_error": "A consulta da lista falhou.",
    "query_timeout": "A consulta da lista demorou demais.",
    "source_wrong": "O banco de dados é de outro município; nada foi enviado.",
    "disk_full": "O disco está cheio.",
    "hub_busy": "O hub está ocupado; o agente tenta de novo sozinho.",
    "hub_error": "O hub não pôde atender ao pedido.",
    "agent_error": "O agente falhou.",
    "token_wrong": "Este código de registro não é conhecido, já foi usado ou venceu.",
}
"""Before the message, which is in English: programs, too, read it."""


def explained(error: AgentError) -> str:
    """What failed, and what to do about it."""
    message = error.message
    if is_portuguese() and error.cause in IN_PORTUGUESE:
        message = f"{IN_PORTUGUESE[error.cause]} ({message.rstrip('.')})"
    return f"{message} {said(*REMEDIES.get(error.cause, ('', '')))}".strip()
